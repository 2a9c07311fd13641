import { expect, expectTypeOf, test } from 'vitest';
import type { EventOf } from '../../lib/config/event-types.ts';
import { publish } from '../../lib/server/publish.ts';
import { collectFeed, type FeedItem, readFeed } from '../../lib/server/read-feed.ts';
import { declareMachine, machine } from '../support/declared-type.ts';
import { useRuntime } from '../support/server/own-process.ts';
import { makeStand } from '../support/server/stand.ts';

/* `tests/config/typed-tests.test.ts` compiles this, in an app that declares `machine`. */

declareMachine();

test('the compiler knows the data of the types that are asked for', async () => {
  using _ = useRuntime(makeStand().runtime);
  await publish('machine', machine);
  for await (const item of readFeed({ types: ['machine', 'note'], rewind: 'all' })) {
    expectTypeOf(item).toEqualTypeOf<FeedItem<'machine' | 'note'>>();
    if (item.kind !== 'event') continue;
    if (item.event.type === 'machine') expectTypeOf(item.event.data.load).toEqualTypeOf<number>();
    break;
  }
  const { last, events } = await collectFeed({
    types: ['machine', 'note'],
    rewind: 'all',
    until: (event) => event.type === 'machine',
    timeoutMs: 1_000,
  });
  expectTypeOf(last).toEqualTypeOf<EventOf<'machine'> | null>();
  expectTypeOf(events).toEqualTypeOf<readonly EventOf<'machine' | 'note'>[]>();
  expect(last?.data.load).toBe(1);
});
