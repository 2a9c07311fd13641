import { randomUUID } from 'node:crypto';
import { connection } from 'next/server';
import { OrderForm } from './order-form.tsx';

/** A form whose server action publishes an event. */
export default async function NewOrder() {
  await connection(); // Each visit gets an id of its own.
  return <OrderForm id={randomUUID()} />;
}
