'use client';

import { useFeed } from '../../lib/client/use-feed.ts';
import type { Order } from '../../lib/orders.ts';

type Props = { readonly orders: readonly Order[]; readonly initial: string };

/** Shows the orders that the server has read from the database, and each new one as it arrives. */
export function OrderList({ orders, initial }: Props) {
  const { events } = useFeed({ channels: ['public:orders'], types: ['order.created'], initial });
  const known = new Set(orders.map((order) => order.id));
  const added = events.map((event) => event.data).filter((order) => !known.has(order.id));
  return (
    <ul>
      {[...orders, ...added].map((order) => (
        <li key={order.id}>{order.item}</li>
      ))}
    </ul>
  );
}
