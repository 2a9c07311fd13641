'use client';

import { useActionState } from 'react';
import { createOrder } from './actions.ts';

/** Sends an order, and shows why it was refused. It works without JavaScript too. */
export function OrderForm({ id }: { readonly id: string }) {
  const [refusal, action] = useActionState(createOrder, null);
  return (
    <form action={action}>
      <input name="id" type="hidden" value={id} />
      <input aria-label="Item" name="item" required />
      <button type="submit">Order</button>
      {refusal !== null && <p role="alert">{refusal}</p>}
    </form>
  );
}
