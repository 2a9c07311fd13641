import { headers } from 'next/headers';
import { connection } from 'next/server';
import { listOrders } from '../../lib/orders.ts';
import { readFirstPage } from '../../lib/server/http/first-page.ts';
import { OrderList } from './order-list.tsx';

/** The orders of the database, and live all that follow. */
export default async function Orders() {
  await connection();
  // First the cursor, then the database. So an order that arrives between the two reads is in both, and never in neither.
  const first = await readFirstPage('orders', 1, new Headers(await headers()));
  const orders = await listOrders();
  if (first.kind === 'problem') return <p>{first.detail}</p>;
  return <OrderList cursor={first.page.cursor} orders={orders} />;
}
