import { describe, expect, test } from 'vitest';
import { connectFeed } from '../../lib/client/connect-feed.ts';
import { fetchServer } from '../support/client/fetch-server.ts';
import { createManualClock } from '../support/server/manual-clock.ts';

/** A cache in front of `server` that keeps each answer for `keepMs`, whatever the server says. */
function cacheOf(
  server: ReturnType<typeof fetchServer>,
  clock: ReturnType<typeof createManualClock>,
  keepMs: number,
) {
  const kept = new Map<string, { readonly until: number; readonly answer: Response }>();
  const addresses: string[] = [];
  const answer: typeof fetch = async (input, init) => {
    const address = String(input);
    addresses.push(address);
    const found = kept.get(address);
    if (found !== undefined && found.until > clock.elapsed()) return found.answer.clone();
    const fresh = await server.fetch(input, init);
    kept.set(address, { until: clock.elapsed() + keepMs, answer: fresh.clone() });
    return fresh;
  };
  return { fetch: answer, addresses };
}

/** A feed that polls through such a cache, for a quiet minute and for three events after it. */
async function poll(keepMs: number) {
  const clock = createManualClock(1);
  const server = fetchServer(clock);
  await clock.advance(2_600);
  server.stopPublishing();
  const cache = cacheOf(server, clock, keepMs);
  const arrivedAt: number[] = [];
  const feed = connectFeed({
    url: 'http://feed.example',
    after: '0-0',
    transport: 'poll',
    clock,
    fetch: cache.fetch,
    onEvent: () => void arrivedAt.push(clock.elapsed()),
  });
  await clock.advance(60_000);
  arrivedAt.length = 0;
  const publishedAt: number[] = [];
  for (let each = 0; each < 3; each += 1) {
    publishedAt.push(clock.elapsed());
    server.publish(1);
    await clock.advance(10_000);
  }
  feed.close();
  const lateMs = publishedAt.map((at, index) => (arrivedAt[index] ?? Number.NaN) - at);
  return { worstMs: Math.max(...lateMs), addresses: cache.addresses };
}

describe('polls through a cache that keeps for 30 s what it must not keep', () => {
  test('are noticed by the time of the answers: each asks for a new address, and an event comes with the next one', async () => {
    const { worstMs, addresses } = await poll(30_000);
    expect(worstMs).toBeLessThanOrEqual(2_500);
    const marked = addresses.filter((address) => address.includes('&fresh='));
    expect(new Set(marked).size).toBe(marked.length);
    expect(addresses.length - marked.length).toBeLessThan(6);
  });

  test('that keeps answers for a second are left as they are, so that readers share them', async () => {
    const { worstMs, addresses } = await poll(1_000);
    expect(worstMs).toBeLessThanOrEqual(3_500);
    expect(addresses.filter((address) => address.includes('fresh='))).toEqual([]);
  });
});
