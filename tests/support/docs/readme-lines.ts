import { z } from 'zod';
import { useFeed } from '../../../lib/client/use-feed.ts';
import { publish } from '../../../lib/server/publish.ts';

/*
 * The three lines of the README, so that the compiler checks them (`tests/docs/readme.test.ts` compares the texts). They stand in
 * functions that nobody calls.
 */

export const types = {
  'order.created': z.object({ id: z.number() }), // in lib/config/event-types.ts
};

export async function publishOne(): Promise<void> {
  await publish('order.created', { id: 7 }); // in a server action, a route or a job
}

export function useOne(): unknown {
  const { events, newest } = useFeed({ types: ['order.created'] }); // in a client component, with the type of `data`
  return { events, newest };
}
