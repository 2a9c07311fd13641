import { expect, test } from 'vitest';
import { parsePage } from '../../../lib/client/transport/page.ts';

const event = (seq: number, channel = 'feed') => ({
  id: `${seq * 10}-${seq}`,
  channel,
  type: 'message',
  time: seq * 10,
  data: null,
});
const gap = { channel: 'feed', reason: 'trimmed', missed: 2, exact: true, after: '10-1', resumesAt: '40-4' };
const page = (more: object) => ({
  events: [],
  gaps: [],
  cursor: '50-5~aaaaaa',
  more: false,
  poll: { waitSeconds: 20, everyMs: 0 },
  ...more,
});
const kinds = (value: object, channels = ['feed']) =>
  parsePage(value, channels).items.map((item) =>
    item.kind === 'gap' ? 'gap' : `${item.event.channel} ${item.event.id}`,
  );

test('a gap comes before the event at which the log goes on', () => {
  expect(kinds(page({ events: [event(4), event(5)], gaps: [gap] }))).toEqual([
    'gap',
    'feed 40-4',
    'feed 50-5',
  ]);
  expect(kinds(page({ events: [event(1), event(5)], gaps: [gap] }))).toEqual([
    'feed 10-1',
    'gap',
    'feed 50-5',
  ]);
});

test('a gap that no event follows yet comes last', () => {
  expect(kinds(page({ events: [event(1)], gaps: [{ ...gap, resumesAt: null }] }))).toEqual([
    'feed 10-1',
    'gap',
  ]);
});

test('a gap is placed by the events of its own channel', () => {
  const events = [event(7, 'other'), event(4)];
  expect(
    kinds(page({ events, gaps: [gap], cursor: 'feed@50-5~aaaaaa,other@70-7~aaaaaa' }), ['feed', 'other']),
  ).toEqual(['other 70-7', 'gap', 'feed 40-4']);
});

test('advice is kept within bounds', () => {
  expect(parsePage(page({ poll: { waitSeconds: 9_999, everyMs: -5 } }), ['feed']).advice).toEqual({
    waitSeconds: 20,
    everyMs: 0,
    rest: false,
  });
  expect(parsePage(page({ poll: undefined }), ['feed']).advice).toEqual({
    waitSeconds: 0,
    everyMs: 2_000,
    rest: false,
  });
});

test.each([[null], ['text'], [{ events: {} }], [page({ cursor: 'x' })], [page({ events: [{ id: 1 }] })]])(
  'a value that is no page throws: %j',
  (value) => {
    expect(() => parsePage(value, ['feed'])).toThrow();
  },
);
