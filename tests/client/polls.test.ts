import { expect, test } from 'vitest';
import { createFeed } from '../../lib/client/feed.ts';
import type { FeedOptions } from '../../lib/client/feed-options.ts';
import { createPolls, PollAnswer } from '../../lib/client/polls.ts';
import { fetchServer, type Misbehaviour } from '../support/client/fetch-server.ts';
import { seeded, seeds } from '../support/seeded.ts';
import { createManualClock } from '../support/server/manual-clock.ts';

/* Feeds of one page with connections of their own. The tests drive their polls, as SWR does in React. */

/** A server with three events, and feeds that read them. */
function page() {
  const clock = createManualClock();
  const server = fetchServer(clock);
  server.stopPublishing();
  const polls = () => server.asked.filter(({ kind }) => kind === 'poll').length;
  const open = (options: FeedOptions = {}) => {
    const own = { url: 'http://feed', transport: 'poll', share: false, fetch: server.fetch, clock } as const;
    const feed = createFeed({ ...own, after: '0-0', ...options }, null, true);
    feed.setEnabled(true);
    return {
      ...feed,
      polls: createPolls(feed.pollHost),
      seqs: () => feed.getSnapshot().events.map(({ id }) => Number(id.split('-')[1])),
    };
  };
  const settled = async <T>(promise: Promise<T>): Promise<T> => {
    await clock.advance(0);
    return promise;
  };
  return { clock, server, polls, open, settled };
}

/** The answer of a poll. @throws Error if there is none. */
async function answerOf(answer: Promise<PollAnswer | null>): Promise<PollAnswer> {
  const found = await answer;
  if (found === null) throw new Error('no answer');
  return found;
}

test('a feed with a poll driver polls only when it is asked to', async () => {
  const { clock, polls, open, settled } = page();
  const feed = open();
  await clock.advance(10_000);
  expect(polls()).toBe(0);
  await settled(feed.polls.ask());
  expect(feed.seqs()).toEqual([1, 2, 3]);
  expect(polls()).toBe(1);
});

test('a feed that is asked before the next poll is due sends no request, and returns its newest answer', async () => {
  const { clock, polls, open, settled } = page();
  const feed = open();
  const first = await settled(feed.polls.ask());
  await clock.advance(1_000);
  expect(feed.polls.dueInMs()).toBe(1_000);
  expect(await settled(feed.polls.ask())).toBe(first);
  expect(polls()).toBe(1);
});

test('a feed that is asked twice at a time sends one request', async () => {
  const { polls, open, settled } = page();
  const feed = open();
  const [one, other] = await settled(Promise.all([feed.polls.ask(), feed.polls.ask()]));
  expect(one).toBe(other);
  expect(polls()).toBe(1);
});

test('of two feeds at the same cursor one polls, and both get each event once', async () => {
  const { clock, polls, open, settled } = page();
  const [first, second] = [open(), open()];
  second.polls.take(await answerOf(settled(first.polls.ask())));
  await clock.advance(0);
  expect([first.seqs(), second.seqs()]).toEqual([
    [1, 2, 3],
    [1, 2, 3],
  ]);
  expect(second.polls.dueInMs()).toBe(first.polls.dueInMs());
  expect(await settled(second.polls.ask())).toBe(await first.polls.ask());
  expect(polls()).toBe(1);
});

test('a feed at another cursor ignores the answer and polls by itself', async () => {
  const { clock, polls, open, settled } = page();
  const [first, second] = [open({ after: '1020-2' }), open()];
  second.polls.take(await answerOf(settled(first.polls.ask())));
  await clock.advance(0);
  expect(second.seqs()).toEqual([]);
  expect(second.polls.dueInMs()).toBe(1);
  await settled(second.polls.ask());
  expect(second.seqs()).toEqual([1, 2, 3]);
  expect(second.getSnapshot()).toMatchObject({ gaps: [], discontinuities: 0 });
  expect(polls()).toBe(2);
});

test('a Retry-After in an answer holds for both feeds', async () => {
  const { clock, server, polls, open, settled } = page();
  server.becomes(() => new Response(null, { status: 503, headers: { 'retry-after': '30' } }));
  const [first, second] = [open(), open()];
  second.polls.take(await answerOf(settled(first.polls.ask())));
  await clock.advance(29_000);
  await settled(Promise.all([first.polls.ask(), second.polls.ask()]));
  expect(second.getSnapshot().status).toBe('waiting');
  expect(polls()).toBe(1);
});

test('a feed ignores its own answer when it comes back', async () => {
  const { server, clock, open, settled } = page();
  server.becomes(() => new Response(null, { status: 503, headers: { 'retry-after': '30' } }));
  const feed = open();
  const own = await answerOf(settled(feed.polls.ask()));
  const before = feed.getSnapshot();
  feed.polls.take(own);
  await clock.advance(0);
  expect(feed.getSnapshot()).toBe(before);
});

test('a feed ignores an answer from long ago, whose Retry-After is over', async () => {
  const { clock, server, open, settled } = page();
  server.becomes(() => new Response(null, { status: 503, headers: { 'retry-after': '30' } }));
  const old = await answerOf(settled(open().polls.ask()));
  await clock.advance(60_000);
  const feed = open();
  feed.polls.take(old);
  await clock.advance(0);
  expect(feed.getSnapshot().status).toBe('polling');
  expect(feed.polls.dueInMs()).toBe(1);
});

test('an answer of another feed waits while the app is busy', async () => {
  const { clock, server, open, settled } = page();
  const [first, slow] = [open(), open({ onEvent: () => busy })];
  let free = () => {};
  const busy = new Promise<void>((resolve) => {
    free = resolve;
  });
  slow.polls.take(await answerOf(settled(first.polls.ask())));
  await clock.advance(0);
  server.publish(1);
  await clock.advance(2_000);
  slow.polls.take(await answerOf(settled(first.polls.ask())));
  await clock.advance(0);
  expect(slow.seqs()).toEqual([1, 2, 3]);
  free();
  await clock.advance(0);
  expect(slow.seqs()).toEqual([1, 2, 3, 4]);
});

test('a feed that is switched off while a poll is in flight returns no answer', async () => {
  const { server, open, settled } = page();
  server.becomes(() => new Promise(() => {}));
  const feed = open();
  const answer = feed.polls.ask();
  feed.setEnabled(false);
  expect(await settled(answer)).toBeNull();
});

test('an answer is an empty object in a cache that the app writes to disk', async () => {
  const { open, settled } = page();
  const answer = await settled(open().polls.ask());
  expect(answer).toBeInstanceOf(PollAnswer);
  expect(JSON.stringify(answer)).toBe('{}');
});

const troubles: readonly Misbehaviour[] = [
  () => new Response(null, { status: 500 }),
  () => new Response(null, { status: 503, headers: { 'retry-after': '3' } }),
  () => new Response('<!doctype html>', { headers: { 'content-type': 'text/html' } }),
  () => new Promise(() => {}),
];

/** Feeds poll and share their answers at random, while the server fails at random. At the end nothing fails. */
async function walk(seed: number) {
  const random = seeded(seed);
  const { clock, server, open } = page();
  let published = 3;
  const feeds = ['0-0', '1010-1', '1020-2', '0-0'].map((after) => open({ after }));
  const step = async (reach: number) => {
    for (const feed of feeds) {
      if (!random.chance(0.6)) continue;
      void feed.polls.ask().then((answer) => {
        const others = feeds.filter((other) => answer !== null && other !== feed && random.chance(reach));
        // React may render late, so an answer may be late.
        for (const other of others)
          clock.after(random.below(1_500), () => answer && other.polls.take(answer));
      });
    }
    await clock.advance(random.below(1_000));
  };
  for (let count = 0; count < 150; count += 1) {
    server.becomes((request) => (random.chance(0.3) ? random.pick(troubles)(request) : request.honest()));
    const more = random.chance(0.3) ? random.below(4) : 0;
    server.publish(more);
    published += more;
    await step(0.8);
  }
  server.becomes((request) => request.honest());
  for (let count = 0; count < 150; count += 1) await step(1);
  return { feeds, published };
}

test.each(seeds(6))('whatever fails, each feed gets each event once, in order (seed %i)', async (seed) => {
  const { feeds, published } = await walk(seed);
  for (const [index, start] of [0, 1, 2, 0].entries()) {
    const expected = Array.from({ length: published - start }, (_, at) => start + at + 1);
    expect(feeds[index]?.seqs()).toEqual(expected);
    expect(feeds[index]?.getSnapshot()).toMatchObject({ gaps: [], discontinuities: 0 });
  }
});
