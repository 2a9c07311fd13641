import { randomInt } from 'node:crypto';
import { expect, test } from 'vitest';
import { fuzzApp } from '../../proof/fuzz/fuzz-app.ts';

/** A seed of its own at each run; a failure prints it with the request's number. */
const fresh = randomInt(1_000_000);

test.concurrent.each([
  { seed: 20_261_123, requests: 1_500 },
  { seed: fresh, requests: 500 },
])('$requests requests of seed $seed, most of them wrong, do no harm', async ({ seed, requests }) => {
  const { failures, tally, storedCount } = await fuzzApp(
    { seed, from: 0, requests },
    { awaitsTails: false, tell: () => undefined },
  );

  expect(failures.join('\n\n')).toBe('');
  expect(storedCount).toBeGreaterThan(requests / 10);
  // As many answers as requests, but for those that were left, and every way of an answer among them.
  const statuses = tally.statuses();
  expect([...statuses.values()].reduce((sum, count) => sum + count)).toBeGreaterThan(requests * 0.8);
  expect([...statuses.keys()]).toEqual(
    expect.arrayContaining(['200', '201', '400', '401', '405', '415', '400 (parser)']),
  );
});
