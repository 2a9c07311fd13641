import { expect, test } from 'vitest';
import { z } from 'zod';
import { useFeed } from '../../lib/client/use-feed.ts';
import { publish } from '../../lib/server/publish.ts';
import { declareType } from '../support/declared-type.ts';
import { useRuntime } from '../support/server/own-process.ts';
import { makeStand } from '../support/server/stand.ts';

/*
 * The three lines of the README (`tests/docs/readme.test.ts` compares the texts). `tests/config/typed-tests.test.ts` compiles this,
 * in an app that declares the type as the first line does: your app may declare another shape.
 */

const types = {
  'order.created': z.object({ id: z.number() }), // in lib/config/event-types.ts
};

async function publishOne(): Promise<void> {
  await publish('order.created', { id: 7 }); // lib/server/publish.ts: in a server action, a route or a job
}

/** Nobody calls it: the compiler alone checks it. */
export function useOne(): number | undefined {
  const { events, newest } = useFeed({ types: ['order.created'] }); // lib/client/use-feed.ts: in a client component
  return newest?.data.id ?? events[0]?.data.id;
}

test('the README’s line for a server action stores its event', async () => {
  declareType('order.created', types['order.created']);
  const stand = makeStand();
  using _ = useRuntime(stand.runtime);
  await publishOne();
  expect(stand.memory.stored).toMatchObject([{ type: 'order.created', data: '{"id":7}' }]);
});
