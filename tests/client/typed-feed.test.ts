import { expect, expectTypeOf, test } from 'vitest';
import { createFeed } from '../../lib/client/feed.ts';
import type { UseFeedOptions, useFeed } from '../../lib/client/use-feed.ts';
import { type EventOf, isOfType } from '../../lib/config/event-types.ts';
import type { FeedEvent } from '../../lib/core/event.ts';
import { machine } from '../support/declared-type.ts';

/* `tests/config/typed-tests.test.ts` compiles this, in an app that declares `machine`; here it only has to run. */

const event = { id: '10-1', channel: 'feed', type: 'machine', time: 10, data: machine };
const initial = { events: [event], cursor: '10-1~aaaaaa' };

test('a feed of one declared type gives events with that type’s data', () => {
  const { events } = createFeed({ types: ['machine'], initial }, null).getSnapshot();
  expectTypeOf(events[0]?.data.load).toEqualTypeOf<number | undefined>();
  expect(events[0]?.data.load).toBe(1);
});

test('a feed of several types is narrowed by the event’s type', () => {
  const { events } = createFeed({ types: ['machine', 'note'], initial }, null).getSnapshot();
  const loads = events.map((each) => (each.type === 'machine' ? each.data.load : each.data));
  expectTypeOf<(typeof events)[number]['type']>().toEqualTypeOf<'machine' | 'note'>();
  expectTypeOf<Extract<(typeof events)[number], { type: 'note' }>['data']>().toBeUnknown();
  expect(loads).toEqual([1]);
});

test('a feed of all types gives data that is not known until the event’s type is', () => {
  const { events } = createFeed({ initial }, null).getSnapshot();
  expectTypeOf<(typeof events)[number]['data']>().toBeUnknown();
  const loads = events.map((each) => (isOfType(each, 'machine') ? each.data.load : null));
  expectTypeOf(loads).toEqualTypeOf<(number | null)[]>();
  expect(loads).toEqual([1]);
});

test('an event of another type is not of this one', () => {
  const other: FeedEvent = { ...event, type: 'message' };
  expect(isOfType(other, 'machine')).toBe(false);
});

test('callbacks get the events of the types that were asked for', () => {
  const loads: number[] = [];
  const options = {
    types: ['machine'],
    onEvent: ({ data }: EventOf<'machine'>) => void loads.push(data.load),
    onGap: ({ missed }: { readonly missed: number | null }) => missed,
  } as const satisfies UseFeedOptions<'machine'>;
  expectTypeOf<ReturnType<typeof useFeed<'machine'>>['events'][number]['data']>().toEqualTypeOf<
    EventOf<'machine'>['data']
  >();
  createFeed({ ...options, enabled: false }, null);
  expect(loads).toEqual([]);
});
