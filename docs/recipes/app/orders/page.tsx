import { headers } from 'next/headers';
import { listOrders } from '../../lib/orders.ts';
import { readFirstPage } from '../../lib/server/http/first-page.ts';
import { OrderList } from './order-list.tsx';

/** The orders of the database, and live all that follow. */
export default async function Orders() {
  // First the feed, then the database. So an order that arrives between the two is in both, and never in neither.
  const first = await readFirstPage(await headers(), { channels: ['public:orders'], count: 1 });
  const orders = await listOrders();
  if (first.kind === 'problem') return <p role="alert">{first.detail}</p>;
  return <OrderList initial={first.initial} orders={orders} />;
}
