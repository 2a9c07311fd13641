import { expect, test } from 'vitest';
import { connectLatest } from '../../../lib/client/latest/connect-latest.ts';
import { formatEventId } from '../../../lib/core/ids.ts';
import type { EventAttributes } from '../../../lib/log/event-log.ts';
import { walkSeeds } from '../../support/client/walk-seeds.ts';
import { seeded } from '../../support/seeded.ts';
import { simulatedPlatform } from '../../support/server/simulated-platform.ts';

/*
 * A seeded walk over the whole road: publishers, processes that stop, a log that is trimmed and lost, a CDN that keeps answers, and
 * readers that come at any time, with a page that a server has rendered or without. Whenever everything has settled, each reader
 * shows what the log has.
 */

const channel = 'hosts';

async function walk(seed: number) {
  const random = seeded(seed);
  const platform = simulatedPlatform({
    env: { QUIET_SECONDS: random.pick(['0', '20']) },
    seed,
    regions: random.pick([1, 2]),
    latencyMs: random.pick([5, 60]),
  });
  const { clock, log } = platform;
  const readers: ReturnType<typeof connectLatest>[] = [];

  async function publish() {
    const subject = `h${random.below(8)}`;
    const about = random.pick<EventAttributes>([
      { subject },
      { subject },
      { subject, remove: true },
      { subject, ttlMs: random.pick([2_000, 30_000]) },
    ]);
    const plain = { channel, type: 'message', data: String(random.whole(0, 999)) };
    const events = Array.from({ length: random.whole(1, 3) }, () =>
      random.chance(0.2) ? plain : { ...plain, attributes: about },
    );
    await log.append({ events, key: null });
  }

  async function open() {
    const fetch = platform.fetchFrom(random.below(2));
    const address = 'http://feed.test/api/events?channel=hosts&latest';
    const page = random.chance(0.4) ? fetch(address) : null;
    await clock.advance(500);
    const initial = page === null ? undefined : await (await page).text();
    const transport = random.pick(['auto', 'auto', 'poll'] as const);
    const options = { url: 'http://feed.test', channel, clock, fetch, transport, share: false };
    readers.push(connectLatest({ ...options, ...(initial !== undefined && { initial }) }));
  }

  async function settled() {
    // The longest silence of a quiet channel: a check of the tail each 60 s; then the pause of a reader at rest.
    await clock.advance(100_000);
    const { events } = await log.latest(channel, 0, 500);
    const state = Object.fromEntries(
      events.map(({ id, attributes }) => [attributes?.subject, formatEventId(id)]),
    );
    for (const reader of readers) {
      const { latest, isLoading } = reader.getSnapshot();
      expect(
        Object.fromEntries([...latest].map(([subject, { id }]) => [subject, id])),
        `seed ${seed}`,
      ).toEqual(state);
      expect(isLoading).toBe(false);
    }
  }

  await open();
  for (let step = 0; step < 60; step += 1) {
    const dice = random.next();
    if (dice < 0.5) await publish();
    else if (dice < 0.6 && readers.length < 5) await open();
    else if (dice < 0.65) log.trim(channel, 1 + random.below(3));
    else if (dice < 0.68) log.empty(channel);
    else if (dice < 0.72) platform.stop(random.below(3));
    else if (dice < 0.76) random.pick(readers).setEnabled(random.chance(0.5));
    else await clock.advance(random.pick([10, 200, 2_000, 20_000]));
    if (step % 20 !== 19) continue;
    for (const reader of readers) reader.setEnabled(true);
    await publish();
    await settled();
  }
  for (const reader of readers) reader.close();
  return readers.length;
}

test.each(walkSeeds([3, 5, 7, 11, 13, 17]))(
  'whatever happens, each reader shows in the end what the log has (seed %i)',
  async (seed) => {
    expect(await walk(seed)).toBeGreaterThan(0);
  },
);
