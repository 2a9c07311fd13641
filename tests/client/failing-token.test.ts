import { expect, test } from 'vitest';
import { createFeed } from '../../lib/client/feed.ts';
import type { FeedOptions } from '../../lib/client/feed-options.ts';
import { fetchServer } from '../support/client/fetch-server.ts';
import { createManualClock } from '../support/server/manual-clock.ts';

/** A feed whose `getToken` throws until the test fixes it. */
function start(options: FeedOptions = {}) {
  const clock = createManualClock();
  const server = fetchServer(clock);
  const calls: number[] = [];
  let isBroken = true;
  const feed = createFeed(
    {
      url: 'http://feed',
      after: '0-0',
      fetch: server.fetch,
      clock,
      getToken() {
        calls.push(clock.elapsed());
        if (isBroken) throw new Error('the sign-in server is down');
        return 'token';
      },
      ...options,
    },
    null,
  );
  feed.setEnabled(true);
  const fix = () => {
    isBroken = false;
  };
  return { clock, server, feed, calls, fix };
}

test.each(['auto', 'stream', 'poll'] as const)(
  'a getToken that throws is called again ever more slowly, and the feed says why it waits (%s)',
  async (transport) => {
    const { clock, server, feed, calls } = start({ transport });
    await clock.advance(3_000);
    expect(calls.length).toBeLessThanOrEqual(4);
    await clock.advance(57_000);
    expect(calls.length).toBeLessThanOrEqual(12);
    expect(calls.length).toBeGreaterThanOrEqual(4);
    expect(server.asked).toEqual([]);
    const { status, problem, retryAt, pollingReason } = feed.getSnapshot();
    expect({ status, detail: problem?.detail, pollingReason }).toEqual({
      status: 'waiting',
      detail: 'getToken failed: the sign-in server is down',
      pollingReason: null,
    });
    expect(retryAt).toBeGreaterThan(clock.now());
  },
);

test('once getToken works again, the feed reads, and the problem is gone', async () => {
  const { clock, feed, fix } = start();
  await clock.advance(10_000);
  fix();
  await clock.advance(40_000);
  expect(feed.getSnapshot()).toMatchObject({ status: 'streaming', problem: null });
});
