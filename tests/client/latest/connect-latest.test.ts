import { afterEach, describe, expect, test, vi } from 'vitest';
import { connectLatest, type LatestOptions } from '../../../lib/client/latest/connect-latest.ts';
import type { EventAttributes } from '../../../lib/log/event-log.ts';
import { simulatedPlatform } from '../../support/server/simulated-platform.ts';

/* The real client and the real routes; network, CDN and clock are simulated. */

const channel = 'hosts';
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
  vi.unstubAllGlobals();
});

type Answer = (address: URL) => Response | undefined;

function setUp(env: Record<string, string> = {}) {
  const platform = simulatedPlatform({ env: { QUIET_SECONDS: '0', ...env } });
  const { clock, log } = platform;
  const asked: string[] = [];
  let answer: Answer = () => undefined;
  const publish = (data: unknown, attributes?: EventAttributes) =>
    log.append({
      events: [{ channel, type: 'message', data: JSON.stringify(data), ...(attributes && { attributes }) }],
      key: null,
    });
  const open = (options: Partial<LatestOptions> = {}) => {
    const latest = connectLatest({
      ...{ url: 'http://feed.test', channel, clock, share: false },
      fetch: async (input, init) => {
        const url = new URL(String(input));
        asked.push(`${url.pathname.split('/').at(-1)}${url.searchParams.has('latest') ? ' latest' : ''}`);
        return answer(url) ?? platform.fetchFrom(0)(input, init);
      },
      ...options,
    });
    closing.push(latest.close);
    const shows = () =>
      [...latest.getSnapshot().latest].map(([subject, { data }]) => `${subject} ${data}`).sort();
    return Object.assign(latest, { shows });
  };
  const count = (what: string) => asked.filter((each) => each === what).length;
  const answers = (next: Answer) => {
    answer = next;
  };
  return { ...platform, publish, open, count, answers };
}

const host = (subject: string, more: EventAttributes = {}) => ({ subject, ...more });
const problem = (status: number, headers: Record<string, string> = {}) =>
  Response.json(
    { type: 'urn:steadfeed:problem:test', title: 'Refused', status, detail: 'For a test.' },
    { status, headers: { 'content-type': 'application/problem+json', ...headers } },
  );

describe('the state', () => {
  test('is read in pages, and kept up to date by a stream', async () => {
    const { clock, publish, open, count } = setUp();
    for (let each = 0; each < 1_200; each += 1) await publish(each, host(`h${each % 600}`));
    await publish('plain');
    const latest = open();
    expect(latest.getSnapshot()).toMatchObject({ status: 'connecting', isLoading: true });
    await clock.advance(1_000);
    expect(latest.getSnapshot()).toMatchObject({
      status: 'streaming',
      isLoading: false,
      restarts: 0,
      problem: null,
    });
    expect(latest.getSnapshot().latest.size).toBe(600);
    expect(latest.getSnapshot().latest.get('h599')?.data).toBe(1_199);
    expect(count('events latest')).toBe(2);
    await publish('new', host('h0'));
    await publish(null, host('h1', { remove: true }));
    await clock.advance(100);
    expect(latest.getSnapshot().latest.get('h0')?.data).toBe('new');
    expect(latest.getSnapshot().latest.size).toBe(599);
    expect(count('events latest')).toBe(2);
  });

  test('is the same object while nothing changes, and a new one once for a batch', async () => {
    const { clock, log, publish, open } = setUp();
    await publish(1, host('a'));
    await publish(1, host('b'));
    const maps = new Set<unknown>();
    const latest = open();
    await clock.advance(1_000);
    latest.subscribe(() => maps.add(latest.getSnapshot().latest));
    const first = latest.getSnapshot();
    await publish('about nothing');
    await clock.advance(60_000);
    expect(latest.getSnapshot().latest).toBe(first.latest);
    const events = ['a', 'c', 'a', 'd'].map((subject, data) => ({
      ...{ channel, type: 'message', data: String(data), attributes: { subject } },
    }));
    await log.append({ events, key: null });
    await clock.advance(1_000);
    expect(latest.shows()).toEqual(['a 2', 'b 1', 'c 1', 'd 3']);
    expect(latest.getSnapshot().latest.get('b')).toBe(first.latest.get('b'));
    expect([...maps].filter((map) => map !== first.latest)).toHaveLength(1);
  });

  test('leaves an event out at the moment when it expires, by the server’s clock', async () => {
    const { clock, publish, open } = setUp();
    await publish(1, host('short', { ttlMs: 20_000 }));
    await publish(1, host('long', { ttlMs: 40 * 86_400_000 }));
    // This machine's clock is an hour ahead. That changes nothing.
    const latest = open({ clock: { ...clock, now: () => clock.now() + 3_600_000 } });
    await clock.advance(19_900);
    expect(latest.shows()).toEqual(['long 1', 'short 1']);
    await clock.advance(200);
    expect(latest.shows()).toEqual(['long 1']);
    await publish(2, host('short', { ttlMs: 20_000 }));
    await clock.advance(10_000);
    await publish(3, host('short', { ttlMs: 20_000 }));
    await clock.advance(19_900);
    expect(latest.shows()).toEqual(['long 1', 'short 3']);
    await clock.advance(300);
    expect(latest.shows()).toEqual(['long 1']);
  });

  test('that a server has rendered costs no request, and is read on where it was cut off', async () => {
    const { clock, publish, open, count, fetchFrom } = setUp();
    for (let each = 0; each < 4; each += 1) await publish(each, host(`h${each}`));
    const read = async (query: string) => {
      const answer = fetchFrom(0)(`http://feed.test/api/events?channel=hosts&latest&${query}`);
      await clock.advance(1_000);
      return (await answer).text();
    };
    const whole = open({ initial: await read('limit=500') });
    expect(whole.shows()).toEqual(['h0 0', 'h1 1', 'h2 2', 'h3 3']);
    expect(whole.getInitialSnapshot().latest).toBe(whole.getSnapshot().latest);
    const part = open({ initial: await read('limit=3') });
    expect(part.shows()).toEqual(['h0 0', 'h1 1', 'h2 2']);
    expect([whole, part].map((each) => each.getSnapshot().isLoading)).toEqual([false, true]);
    await clock.advance(1_000);
    expect(part.shows()).toEqual(whole.shows());
    expect(count('events latest')).toBe(1);
  });

  test('that was rendered with times to live is read again when nobody has said the server’s time by then', async () => {
    const { clock, publish, open, count, fetchFrom } = setUp({ POLL_MODE: 'short' });
    await publish(1, host('a', { ttlMs: 30_000 }));
    const answer = fetchFrom(0)('http://feed.test/api/events?channel=hosts&latest');
    await clock.advance(1_000);
    const latest = open({ initial: await (await answer).text(), transport: 'poll' });
    await clock.advance(28_500);
    expect([latest.shows(), count('events latest')]).toEqual([['a 1'], 0]);
    await clock.advance(1_500);
    expect([latest.shows(), count('events latest')]).toEqual([[], 1]);
    await clock.advance(60_000);
    expect(count('events latest')).toBe(1);
  });
});

describe('after a gap', () => {
  /** The log drops what a reader has not got yet. */
  async function trimmed() {
    const world = setUp();
    await world.publish(1, host('a'));
    await world.publish(1, host('b'));
    const latest = world.open();
    await world.clock.advance(1_000);
    latest.setEnabled(false);
    // The process forgets the channel.
    await world.clock.advance(120_000);
    for (let each = 2; each < 9; each += 1) await world.publish(each, host('a'));
    await world.publish(null, host('b', { remove: true }));
    await world.publish(1, host('c'));
    await world.publish('plain');
    world.log.trim(channel, 1);
    return { ...world, latest };
  }

  test('`trimmed` the old state is shown until the new one is there', async () => {
    const { clock, latest, answers, count } = await trimmed();
    answers((url) => (url.searchParams.has('latest') ? problem(503, { 'retry-after': '5' }) : undefined));
    latest.setEnabled(true);
    await clock.advance(2_000);
    expect(latest.getSnapshot()).toMatchObject({ isLoading: true, restarts: 0, status: 'streaming' });
    expect(latest.shows()).toEqual(['a 1', 'b 1']);
    answers(() => undefined);
    await clock.advance(6_000);
    expect(latest.shows()).toEqual(['a 8', 'c 1']);
    expect(latest.getSnapshot()).toMatchObject({ isLoading: false, restarts: 0, problem: null });
    expect(count('events latest')).toBe(3);
  });

  test('`restarted` it is empty at once, and says so', async () => {
    const { clock, log, publish, open } = setUp();
    await publish(1, host('a'));
    const latest = open();
    await clock.advance(1_000);
    log.empty(channel);
    await publish(2, host('z'));
    await clock.advance(90_000);
    expect(latest.shows()).toEqual(['z 2']);
    expect(latest.getSnapshot()).toMatchObject({ isLoading: false, restarts: 1 });
  });
});

describe('a server that does not give the state', () => {
  test.each([403, 400])('with %i is not asked again until the user retries', async (status) => {
    const { clock, publish, open, count, answers } = setUp();
    await publish(1, host('a'));
    answers(() => problem(status));
    const latest = open();
    await clock.advance(600_000);
    expect(latest.getSnapshot()).toMatchObject({ status: 'stopped', problem: { title: 'Refused', status } });
    expect(count('events latest')).toBe(1);
    answers(() => undefined);
    latest.retry();
    await clock.advance(1_000);
    expect(latest.shows()).toEqual(['a 1']);
    expect(latest.getSnapshot()).toMatchObject({ status: 'streaming', problem: null });
  });

  test('is asked with a new token once after a 401', async () => {
    const { clock, publish, open, count, answers } = setUp();
    await publish(1, host('a'));
    const getToken = vi.fn(() => 'token');
    answers(() => problem(401));
    const latest = open({ getToken });
    await clock.advance(60_000);
    expect([count('events latest'), getToken.mock.calls.length]).toEqual([2, 2]);
    expect(latest.getSnapshot().status).toBe('stopped');
  });

  test('for a while is asked again, later and later, and not before `Retry-After`', async () => {
    const { clock, publish, open, count, answers } = setUp();
    await publish(1, host('a'));
    answers(() => problem(503, { 'retry-after': '20' }));
    const latest = open();
    await clock.advance(19_000);
    expect(count('events latest')).toBe(1);
    expect(latest.getSnapshot()).toMatchObject({ status: 'waiting', problem: { status: 503 } });
    expect((latest.getSnapshot().retryAt ?? 0) - clock.now()).toBeGreaterThan(0);
    answers(() => new Response('nonsense', { status: 502 }));
    await clock.advance(600_000);
    expect(count('events latest')).toBeGreaterThan(15);
    expect(count('events latest')).toBeLessThan(80);
    answers(() => undefined);
    await clock.advance(31_000);
    expect(latest.getSnapshot()).toMatchObject({ status: 'streaming', retryAt: null, problem: null });
  });

  test('is not asked by a page that nobody sees, and at once when the page is shown', async () => {
    const document = Object.assign(new EventTarget(), { visibilityState: 'hidden' });
    vi.stubGlobal('document', document);
    vi.stubGlobal('window', new EventTarget());
    const { clock, publish, open, count, answers } = setUp();
    await publish(1, host('a'));
    answers(() => new Response('', { status: 502 }));
    const latest = open();
    await clock.advance(600_000);
    expect(count('events latest')).toBe(1);
    answers(() => undefined);
    document.visibilityState = 'visible';
    document.dispatchEvent(new Event('visibilitychange'));
    await clock.advance(1_000);
    expect(latest.shows()).toEqual(['a 1']);
  });

  test('gets an error of `getToken` as the problem, and goes on', async () => {
    const { clock, publish, open } = setUp();
    await publish(1, host('a'));
    let isBroken = true;
    const latest = open({
      getToken: () => {
        if (isBroken) throw new Error('no session');
        return null;
      },
    });
    await clock.advance(500);
    expect(latest.getSnapshot().problem?.detail).toBe('getToken failed: no session');
    isBroken = false;
    await clock.advance(40_000);
    expect(latest.shows()).toEqual(['a 1']);
  });
});

describe('a reader', () => {
  test('of a channel that has ended sends one request, and keeps no timer', async () => {
    const { clock, publish, open, count } = setUp();
    await publish(1, host('a'));
    await publish('done', { end: true });
    const latest = open();
    await clock.advance(5_000);
    expect(latest.getSnapshot()).toMatchObject({ status: 'ended', isLoading: false });
    expect([count('events latest'), count('events'), count('stream')]).toEqual([1, 0, 0]);
    expect(latest.shows()).toEqual(['a 1']);
  });

  test('of a channel that ends is ended, with its last state', async () => {
    const { clock, publish, open } = setUp();
    await publish(1, host('a'));
    const latest = open();
    await clock.advance(1_000);
    await publish(2, host('a', { end: true }));
    await clock.advance(1_000);
    expect([latest.shows(), latest.getSnapshot().status]).toEqual([['a 2'], 'ended']);
  });

  test('that is switched off keeps what it knows, and neither asks nor waits', async () => {
    const { clock, publish, open, count } = setUp();
    await publish(1, host('a', { ttlMs: 30_000 }));
    const before = clock.pending();
    const latest = open();
    await clock.advance(1_000);
    latest.setEnabled(false);
    await clock.advance(10_000);
    const requests = count('stream') + count('events');
    await publish(2, host('b'));
    expect([latest.shows(), latest.getSnapshot().status]).toEqual([['a 1'], 'paused']);
    expect(count('stream') + count('events')).toBe(requests);
    latest.close();
    await clock.advance(120_000);
    expect(clock.pending()).toBeLessThanOrEqual(before + 3);
    expect(latest.getSnapshot().status).toBe('stopped');
  });

  test('that is switched off and on in one turn sends one request', async () => {
    const { clock, publish, open, count } = setUp();
    await publish(1, host('a'));
    const latest = open({ enabled: false });
    for (let each = 0; each < 3; each += 1) {
      latest.setEnabled(true);
      latest.setEnabled(false);
    }
    latest.setEnabled(true);
    await clock.advance(1_000);
    expect(count('events latest')).toBe(1);
    expect(latest.shows()).toEqual(['a 1']);
  });

  test('knows the types that it has asked for', async () => {
    const { clock, log, publish, open } = setUp();
    const machine = { channel, type: 'machine', data: '{"load":1}', attributes: { subject: 'a' } };
    await log.append({ events: [machine], key: null });
    await publish(1, host('b'));
    const latest = open({ types: ['machine'] });
    await clock.advance(1_000);
    expect([...latest.getSnapshot().latest.keys()]).toEqual(['a']);
  });

  test('refuses an `initial` that is no state', () => {
    expect(() => connectLatest({ initial: '{"events":[]}' })).toThrow('page: undefined is malformed');
  });
});
