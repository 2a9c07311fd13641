'use server';

import { redirect } from 'next/navigation';
import { eventTypes } from '../../../lib/config/event-types.ts';
import { saveOrder } from '../../../lib/orders.ts';
import { publish } from '../../../lib/server/publish.ts';

/** Saves and publishes an order. @returns why it refuses the order. */
export async function createOrder(_: string | null, form: FormData): Promise<string | null> {
  // Anyone can call a server action. In your app, check here who is signed in.
  // Check before you save. Otherwise wrong data leaves an order whose event never comes.
  const checked = eventTypes['order.created'].safeParse({ id: form.get('id'), item: form.get('item') });
  if (!checked.success) return checked.error.issues.map(({ message }) => message).join(' ');
  const order = checked.data;
  await saveOrder(order);
  // A second click sends the same id, so the log stores the event once.
  await publish('order.created', order, { channel: 'public:orders', idempotencyKey: `order-${order.id}` });
  redirect('/orders');
}
