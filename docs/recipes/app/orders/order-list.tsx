'use client';

import { useFeed } from '../../lib/client/use-feed.ts';
import type { Order } from '../../lib/orders.ts';

/** Shows the orders that the server has rendered, and each new one as it arrives. */
export function OrderList({
  orders,
  cursor,
}: {
  readonly orders: readonly Order[];
  readonly cursor: string;
}) {
  const { events } = useFeed({
    channels: ['orders'],
    types: ['order.created'],
    initial: { events: [], cursor },
  });
  // By id: an order that is in both is shown once.
  const all = new Map([...orders, ...events.map(({ data }) => data)].map((order) => [order.id, order]));
  return (
    <ul>
      {[...all.values()].map((order) => (
        <li key={order.id}>{order.item}</li>
      ))}
    </ul>
  );
}
