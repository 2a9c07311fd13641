/** An order, as the database has it. */
export type Order = { readonly id: string; readonly item: string };

// Stands in for your database: the orders of this process.
const shared = globalThis as typeof globalThis & { orders?: Map<string, Order> };
shared.orders ??= new Map();
const orders = shared.orders;

/** Saves an order. The second time it changes nothing. */
export async function saveOrder(order: Order): Promise<void> {
  orders.set(order.id, order);
}

export async function listOrders(): Promise<readonly Order[]> {
  return [...orders.values()];
}
