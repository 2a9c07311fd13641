import { describe, expect, test } from 'vitest';
import type { FeedEvent } from '../../../lib/core/event.ts';
import { applyToState } from '../../../lib/core/latest.ts';
import type { EventAttributes } from '../../../lib/log/event-log.ts';
import { newEvent, range } from '../../support/log/log-steps.ts';
import { settle } from '../../support/server/manual-clock.ts';
import { openStream } from '../../support/server/open-stream.ts';
import { readPage, seqsOf } from '../../support/server/read-page.ts';
import { makeStand, type Stand } from '../../support/server/stand.ts';

async function put(
  stand: Stand,
  subject: string,
  data: unknown,
  more: EventAttributes = {},
  type = 'message',
) {
  const event = { ...newEvent('hosts', data, type), attributes: { subject, ...more } };
  await stand.memory.append({ events: [event], key: null });
  await settle();
}

/** A stand whose channel `hosts` has a state of `count` subjects, `host-1` and so on; each was published twice. */
async function makeHosts(count: number, env = {}) {
  const stand = makeStand({ env });
  for (const round of [1, 2]) {
    for (const host of range(1, count)) await put(stand, `host-${host}`, `${round}.${host}`);
  }
  return stand;
}

type LatestPage = {
  readonly events: readonly FeedEvent[];
  readonly cursor: string;
  readonly more: boolean;
  readonly next?: string;
};

/** Reads all pages of the state. @param between runs after each page. */
async function readState(stand: Stand, limit: number, between = async () => {}) {
  const pages: LatestPage[] = [];
  let query = `channel=hosts&limit=${limit}&latest`;
  for (;;) {
    const page: LatestPage = await readPage(stand, query);
    pages.push(page);
    await between();
    if (page.next === undefined) return { pages, cursor: pages[0]?.cursor ?? '', last: page };
    query = `channel=hosts&limit=${limit}&latest=${page.next}&after=${pages[0]?.cursor}`;
  }
}

const dataOf = (events: readonly FeedEvent[]) => events.map(({ subject, data }) => [subject, data]);
const foldOf = (events: readonly FeedEvent[]) => {
  const state = new Map<string, FeedEvent>();
  for (const event of events) applyToState(state, event);
  return [...state].map(([subject, { data }]) => [subject, data]).sort();
};

describe('a page of the state', () => {
  test('has the latest event of each subject, in the order of the log, and the cursor at which it is true', async () => {
    const stand = await makeHosts(3);
    await put(stand, 'host-1', 'again');
    await stand.publish(1, 'hosts');

    const page = await readPage(stand, 'channel=hosts&latest');

    expect(Object.keys(page)).toEqual(['events', 'cursor', 'gaps', 'more', 'poll']);
    expect(dataOf(page.events)).toEqual([
      ['host-2', '2.2'],
      ['host-3', '2.3'],
      ['host-1', 'again'],
    ]);
    expect(page).toMatchObject({ cursor: stand.cursorAtEnd('hosts'), gaps: [], more: false });
  });

  test('carries what each event was published with, between type and time', async () => {
    const stand = makeStand();
    await put(stand, 'host-1', null, { ttlMs: 30_000 });

    const [event] = (await readPage(stand, 'channel=hosts&latest')).events;

    const time = stand.clock.now();
    expect(Object.entries(event)).toEqual([
      ['id', `${time}-1`],
      ['channel', 'hosts'],
      ['type', 'message'],
      ['subject', 'host-1'],
      ['expiresAt', time + 30_000],
      ['time', time],
      ['data', null],
    ]);
  });

  test('leaves out what was removed and what has expired', async () => {
    const stand = await makeHosts(2);
    await put(stand, 'host-3', 'brief', { ttlMs: 5_000 });
    await put(stand, 'host-1', null, { remove: true });
    expect(dataOf((await readPage(stand, 'channel=hosts&latest')).events)).toEqual([
      ['host-2', '2.2'],
      ['host-3', 'brief'],
    ]);

    await stand.clock.advance(5_000);

    expect(dataOf((await readPage(stand, 'channel=hosts&latest')).events)).toEqual([['host-2', '2.2']]);
  });

  test('of a channel without a log is empty, and its cursor is 0-0', async () => {
    expect(await readPage(makeStand(), 'channel=hosts&latest')).toMatchObject({
      events: [],
      cursor: '0-0',
      more: false,
    });
  });

  test('has what retention has removed from the channel', async () => {
    const stand = await makeHosts(3);
    stand.memory.trim('hosts', 1);

    expect(dataOf((await readPage(stand, 'channel=hosts&latest')).events)).toHaveLength(3);
  });

  test('names the next page while there is more; all pages have the cursor of the first', async () => {
    const stand = await makeHosts(5);

    const { pages, last } = await readState(stand, 2);

    expect(pages.map(seqsOf)).toEqual([[6, 7], [8, 9], [10]]);
    expect(pages.map(({ next }) => next?.split('-')[1])).toEqual(['7', '9', undefined]);
    expect(new Set(pages.map(({ cursor }) => cursor)).size).toBe(1);
    expect(last.more).toBe(false);
  });

  test('of a filter that leaves everything out still names the next page', async () => {
    const stand = await makeHosts(4);

    const page = await readPage(stand, 'channel=hosts&latest&limit=2&subject=host-4');
    expect(page).toMatchObject({ events: [], more: true, next: expect.stringMatching(/-6$/) });
    const next = await readPage(
      stand,
      `channel=hosts&latest=${page.next}&after=${page.cursor}&subject=host-4`,
    );

    expect(dataOf(next.events)).toEqual([['host-4', '2.4']]);
  });

  test('and the events after its cursor are the state, whatever is published between two pages', async () => {
    const stand = await makeHosts(6);
    let step = 0;

    const { pages, cursor } = await readState(stand, 2, async () => {
      step += 1;
      await put(stand, `host-${step}`, `changed ${step}`);
      await put(stand, `host-${7 - step}`, null, { remove: true });
      await put(stand, `host-9${step}`, 'new');
    });
    const after = await readPage(stand, `channel=hosts&after=${cursor}&limit=500`);

    expect(pages).toHaveLength(3);
    const truth = await readPage(stand, 'channel=hosts&latest&limit=500');
    expect(foldOf([...pages.flatMap(({ events }) => events), ...after.events])).toEqual(foldOf(truth.events));
  });

  test('begins again if the log was lost between two pages: its cursor is another', async () => {
    const stand = await makeHosts(4);
    const first = await readPage(stand, 'channel=hosts&latest&limit=2');
    await stand.memory.forget('hosts');
    await put(stand, 'host-7', 'of the new log');

    const next = await readPage(stand, `channel=hosts&latest=${first.next}&after=${first.cursor}&limit=2`);

    expect(next.cursor).toBe(stand.cursorAtEnd('hosts'));
    expect(dataOf(next.events)).toEqual([['host-7', 'of the new log']]);
  });

  test('waits for a replica that is behind the first page: it could still have what was replaced', async () => {
    const stand = await makeHosts(4);
    stand.memory.lag();
    await put(stand, 'host-3', 'newest');
    const after = stand.cursorAtEnd('hosts');
    const asked = readPage(stand, `channel=hosts&latest=${after.split('-')[0]}-6&after=${after}`);
    await stand.clock.advance(1_000);
    stand.memory.catchUp();
    await stand.clock.advance(1_000);

    expect(dataOf((await asked).events)).toEqual([
      ['host-4', '2.4'],
      ['host-3', 'newest'],
    ]);
  });

  test('of an ended channel says that it is over', async () => {
    const stand = await makeHosts(3);
    await put(stand, 'job', 'done', { end: true });

    expect(await readPage(stand, 'channel=hosts&latest&limit=2')).not.toHaveProperty('ended');
    const { pages } = await readState(stand, 3);
    expect(pages.at(-1)).toMatchObject({ more: false, ended: true });
  });

  test('that ends after the first page is not over: the reader has not had the end', async () => {
    const stand = await makeHosts(3);
    const first = await readPage(stand, 'channel=hosts&latest&limit=2');
    await put(stand, 'job', 'done', { end: true });

    expect(
      await readPage(stand, `channel=hosts&latest=${first.next}&after=${first.cursor}`),
    ).not.toHaveProperty('ended');
  });

  test('can be kept by a shared cache for a second, if everyone may read the channel', async () => {
    const stand = await makeHosts(3);
    const cacheOf = async (query: string, headers = {}) =>
      (await stand.ask(`events?channel=hosts&${query}`, { headers })).headers.get('cache-control');

    expect(await cacheOf('latest')).toBe('public, max-age=0, s-maxage=1');
    expect(await cacheOf('latest&limit=1')).toBe('public, max-age=0, s-maxage=1');
    expect(await cacheOf('latest', { authorization: 'Bearer x' })).toBe('private, no-store');
  });

  test('costs one command for all who ask at the same time, and one for those who come meanwhile', async () => {
    const stand = await makeHosts(3);
    stand.log.answerMs = 100;
    const before = stand.log.calls.latest;
    const all = range(1, 20).map(() => readPage(stand, 'channel=hosts&latest'));
    await stand.clock.advance(50);
    await put(stand, 'host-1', 'meanwhile');
    const late = range(1, 20).map(() => readPage(stand, 'channel=hosts&latest'));
    await stand.clock.advance(300);

    expect(stand.log.calls.latest - before).toBe(2);
    for (const page of await Promise.all(all)) expect(page.events).toHaveLength(3);
    // Who asks after a publish gets what was published.
    for (const page of await Promise.all(late))
      expect(page.events.at(-1)).toMatchObject({ data: 'meanwhile' });
  });
});

describe('a stream with the state', () => {
  test('sends a frame without an id for each subject, then hello, then what follows', async () => {
    const stand = await makeHosts(3);
    const stream = await openStream(stand, 'channel=hosts&latest');
    await put(stand, 'host-2', 'live');

    expect(stream.kinds()).toEqual(['padding', 'state', 'state', 'state', 'retry', 'hello', 'event']);
    expect(stream.of('state').map(({ id }) => id)).toEqual([null, null, null]);
    expect(stream.of('state').map(({ data }) => data.subject)).toEqual(['host-1', 'host-2', 'host-3']);
    expect(stream.of('event')[0]).toMatchObject({ data: { subject: 'host-2', data: 'live' } });
    expect(stream.of('hello')[0]?.id).toMatch(/-6~/);
  });

  test('with a cursor is the stream of that cursor', async () => {
    const stand = await makeHosts(3);
    const at = stand.cursorAtEnd('hosts');
    await put(stand, 'host-2', 'later');
    const headers = { 'last-event-id': at };

    const [byHeader, byQuery] = [
      await openStream(stand, 'channel=hosts&latest', { headers }),
      await openStream(stand, `channel=hosts&latest&after=${at}`),
    ];

    for (const stream of [byHeader, byQuery]) {
      expect(stream.kinds()).toEqual(['padding', 'retry', 'hello', 'event']);
    }
  });

  test('of a channel without a log says hello, and sends the first event', async () => {
    const stand = makeStand();
    const stream = await openStream(stand, 'channel=hosts&latest');
    await put(stand, 'host-1', 'first');

    expect(stream.kinds()).toEqual(['padding', 'retry', 'hello', 'event']);
  });

  test('leaves out subjects and types that the reader did not ask for', async () => {
    const stand = await makeHosts(3);
    await put(stand, 'host-4', 'other', {}, 'other');

    const bySubject = await openStream(
      stand,
      'channel=hosts&latest&subject=host-2&subject=host-4&subject=none',
    );
    const byType = await openStream(stand, 'channel=hosts&latest&type=other');
    await put(stand, 'host-1', 'live');
    await put(stand, 'host-2', 'live');

    const subjectsOf = (stream: typeof byType) =>
      stream.frames.flatMap(({ data }) => (typeof data.subject === 'string' ? [data.subject] : []));
    expect(subjectsOf(bySubject)).toEqual(['host-2', 'host-4', 'host-2']);
    expect(subjectsOf(byType)).toEqual(['host-4']);
  });

  test('at a gap deletes the cursor of its reader, and ends; the next one begins with the state', async () => {
    const stand = await makeHosts(3);
    const stream = await openStream(stand, 'channel=hosts&latest');
    await stand.memory.forget('hosts');
    await put(stand, 'host-1', 'of the new log');
    await stand.clock.advance(10_000);

    expect(stream.kinds().slice(-2)).toEqual(['gap', 'retry']);
    expect(stream.of('gap')[0]).toMatchObject({ id: '', data: { reason: 'restarted' } });
    expect(stream.isOver()).toBe(true);
    expect(stand.runtime.metrics.streamsEnded.entries().map(([reason]) => reason)).toEqual(['gap']);
    const again = await openStream(stand, 'channel=hosts&latest');
    expect(again.of('state').map(({ data }) => data.data)).toEqual(['of the new log']);
  });

  test('of a reader that comes back at once after a gap has no state of the log before', async () => {
    const stand = await makeHosts(3);
    await openStream(stand, 'channel=hosts&latest');
    await stand.memory.forget('hosts');
    await put(stand, 'host-1', 'of the new log');
    await stand.clock.advance(300);

    const again = await openStream(stand, 'channel=hosts&latest');
    expect(again.kinds()).toEqual(['padding', 'state', 'retry', 'hello']);
    expect(again.of('state').map(({ data }) => data.data)).toEqual(['of the new log']);
  });

  test('that resumes behind retention ends with the gap too', async () => {
    const stand = await makeHosts(3);
    const [first] = stand.memory.kept('hosts');
    stand.memory.trim('hosts', 1);

    const stream = await openStream(stand, `channel=hosts&latest&after=${first?.id.time}-1~${first?.epoch}`);

    expect(stream.kinds()).toEqual(['padding', 'retry', 'hello', 'gap', 'retry']);
    expect(stream.isOver()).toBe(true);
  });

  test('of an ended channel sends the state, hello and the end, and closes', async () => {
    const stand = await makeHosts(2);
    await put(stand, 'job', 'done', { end: true });

    const stream = await openStream(stand, 'channel=hosts&latest');

    expect(stream.kinds()).toEqual(['padding', 'state', 'state', 'state', 'retry', 'hello', 'end', 'retry']);
    expect(stream.isOver()).toBe(true);
    const back = await stand.ask('stream?channel=hosts&latest', {
      headers: { 'last-event-id': stream.cursor() },
    });
    expect(back.status).toBe(204);
  });

  test('sends a state of many pages, and what was published meanwhile', async () => {
    const stand = makeStand();
    const events = range(1, 500).map((host) => ({
      ...newEvent('hosts', 'x'.repeat(3_000)),
      attributes: { subject: `h${host}` },
    }));
    for (const round of [0, 500, 1_000]) {
      const named = events.map((event, index) => ({
        ...event,
        attributes: { subject: `h${round + index}` },
      }));
      await stand.memory.append({ events: named, key: null });
    }
    const response = await stand.ask('stream?channel=hosts&latest');
    await put(stand, 'h0', 'changed meanwhile');
    const reader = response.body?.getReader();
    let text = '';
    const read = async () => {
      for (;;) {
        const { done, value } = (await reader?.read()) ?? { done: true };
        if (done || value === undefined) return;
        text += new TextDecoder().decode(value);
      }
    };
    void read();
    await stand.clock.advance(1_000);

    const subjects = new Set([...text.matchAll(/"subject":"(h\d+)"/g)].map(([, subject]) => subject));
    expect(subjects.size).toBe(1_500);
    expect(text.indexOf('event: hello')).toBeGreaterThan(text.lastIndexOf('event: state'));
    expect(text.slice(text.indexOf('event: hello'))).toContain('changed meanwhile');
    await reader?.cancel();
  });

  test('ends without a cursor if the log is lost while the state is sent', async () => {
    const stand = makeStand();
    const events = range(1, 500).map((host) => ({
      ...newEvent('hosts', 'x'.repeat(3_000)),
      attributes: { subject: `h${host}` },
    }));
    await stand.memory.append({ events, key: null });
    const response = await stand.ask('stream?channel=hosts&latest');
    await stand.memory.forget('hosts');
    await put(stand, 'h1', 'new');
    const asked = response.text();
    await stand.clock.advance(1_000);

    const text = await asked;
    expect(text).toContain('event: state');
    expect(text).not.toMatch(/^id:/m);
    expect(text).toMatch(/\n\nretry: \d+\n\n$/);
  });

  test('costs a constant number of commands, however many join together', async () => {
    const stand = await makeHosts(3);
    stand.log.answerMs = 100;
    const streams = range(1, 50).map(() => openStream(stand, 'channel=hosts&latest'));
    await stand.clock.advance(1_000);
    const opened = await Promise.all(streams);
    await settle();

    for (const stream of opened) expect(stream.of('state')).toHaveLength(3);
    expect(stand.log.calls.latest).toBe(1);
    expect(stand.log.calls.follow).toBe(1);
    expect(stand.log.asked()).toBeLessThan(8);
  });

  test('is refused as any other while the log fails', async () => {
    const stand = await makeHosts(1);
    stand.log.isDown = true;

    expect((await stand.ask('stream?channel=hosts&latest')).status).toBe(503);
  });
});

describe('a filter by subject', () => {
  test('leaves out other subjects, and events without one, on pages and streams', async () => {
    const stand = makeStand();
    const stream = await openStream(stand, 'channel=hosts&subject=a&subject=b');
    await put(stand, 'a', 1);
    await put(stand, 'c', 2);
    await stand.publish(1, 'hosts');
    await put(stand, 'b', 3);

    expect(stream.data()).toEqual([1, 3]);
    expect(stream.cursor()).toBe(stand.cursorAtEnd('hosts'));
    const page = await readPage(stand, 'channel=hosts&rewind=all&subject=a&subject=b');
    expect(seqsOf(page)).toEqual([1, 4]);
    expect(seqsOf(await readPage(stand, 'channel=hosts&before=9007199254740991-1&subject=c'))).toEqual([2]);
    expect(seqsOf(await readPage(stand, 'channel=hosts&rewind=all&subject=a&type=none'))).toEqual([]);
  });

  test('makes the number of a gap an upper bound', async () => {
    const stand = await makeHosts(3);
    const [first] = stand.memory.kept('hosts');
    stand.memory.trim('hosts', 1);

    const page = await readPage(
      stand,
      `channel=hosts&after=${first?.id.time}-1~${first?.epoch}&subject=host-1`,
    );

    expect(page.gaps).toMatchObject([{ missed: 4, exact: false }]);
  });

  test('takes subjects of 200 characters', async () => {
    const stand = makeStand();
    const name = 's'.repeat(200);
    await put(stand, name, 1);

    expect((await readPage(stand, `channel=hosts&rewind=all&subject=${name}`)).events).toHaveLength(1);
  });
});
