import { expect, test } from 'vitest';
import { streamingReader } from '../support/client/reader.ts';
import { range } from '../support/log/log-steps.ts';
import { seeded, seeds } from '../support/seeded.ts';

/** How a server that comes back after `awayMs` is tried by a reader that lost it at 0. @returns the times, in ms. */
function triesOf(random: () => number, awayMs: number): number[] {
  const it = streamingReader();
  // It has lived: what comes is its first failure.
  it.passes(15_000);
  it.heartbeat('30-3~aaaaaa');
  const lostAt = it.now;
  const tries: number[] = [];
  it.chance(random());
  it.disconnects();
  while (it.now - lostAt < 120_000) {
    const [key] = it.state.streams.map((stream) => stream.key);
    if (key === undefined && it.state.poll === null) {
      it.chance(random());
      it.passes(10);
      continue;
    }
    tries.push(it.now - lostAt);
    if (it.now - lostAt >= awayMs) return tries;
    it.chance(random());
    if (key === undefined) it.pollFails();
    else it.disconnects(key);
  }
  throw new Error(`it was not tried after ${awayMs} ms`);
}

/** The most tries of all readers within 100 ms. */
function peakOf(tries: readonly number[]): number {
  const slots = Map.groupBy(tries, (ms) => Math.floor(ms / 100));
  return Math.max(...[...slots.values()].map(({ length }) => length));
}

test.each(seeds(5))(
  '300 readers whose server dies do not come back together, nor try it without end (seed %i)',
  (seed) => {
    const random = seeded(seed);
    const tries = range(1, 300).map(() => triesOf(random.next, 10_000));

    // The first try is within half a second, of which each 100 ms have a fifth of the readers; and so is the first poll,
    // after two seconds or three. Later ones are ever wider.
    expect(peakOf(tries.flat())).toBeLessThan(110);
    expect(peakOf(tries.flat().filter((ms) => ms >= 5_000))).toBeLessThan(40);
    // When it is there again, they come within seconds, each 100 ms a few.
    expect(peakOf(tries.map((times) => times.at(-1) ?? 0))).toBeLessThan(40);
    expect(Math.max(...tries.map(({ length }) => length))).toBeLessThan(15);
  },
);
