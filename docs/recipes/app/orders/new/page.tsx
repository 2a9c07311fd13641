import { randomUUID } from 'node:crypto';
import { redirect } from 'next/navigation';
import { connection } from 'next/server';
import { saveOrder } from '../../../lib/orders.ts';
import { publish } from '../../../lib/server/publish.ts';

/** A form whose server action publishes an event. */
export default async function NewOrder() {
  await connection(); // Each visit gets an id of its own.
  return (
    <form action={createOrder}>
      <input name="id" type="hidden" value={randomUUID()} />
      <input aria-label="Item" maxLength={100} name="item" required />
      <button type="submit">Order</button>
    </form>
  );
}

async function createOrder(form: FormData): Promise<void> {
  'use server';
  // Anyone can call a server action. In your app, check here who is signed in.
  const order = { id: String(form.get('id')), item: String(form.get('item')) };
  await saveOrder(order);
  // A second click sends the same id, so the log stores the event once.
  await publish('order.created', order, { channel: 'orders', idempotencyKey: `order-${order.id}` });
  redirect('/?channel=orders');
}
