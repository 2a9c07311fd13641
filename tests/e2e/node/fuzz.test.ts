import { randomInt } from 'node:crypto';
import { expect, test } from 'vitest';
import { fuzzApp } from '../../proof/fuzz/fuzz-app.ts';

/** A new seed for each run. A failure prints it with the number of the request. */
const fresh = randomInt(1_000_000);

test.concurrent.each([
  { seed: 20_261_123, requests: 1_500 },
  { seed: fresh, requests: 500 },
])('$requests requests from seed $seed, most of them invalid, do no harm', async ({ seed, requests }) => {
  const { failures, tally, storedCount } = await fuzzApp(
    { seed, from: 0, requests },
    { awaitsTails: false, tell: () => undefined },
  );

  expect(failures.join('\n\n')).toBe('');
  expect(storedCount).toBeGreaterThan(requests / 10);
  // Most requests have an answer (some clients leave early), and every kind of answer occurs.
  const statuses = tally.statuses();
  expect([...statuses.values()].reduce((sum, count) => sum + count)).toBeGreaterThan(requests * 0.8);
  expect([...statuses.keys()]).toEqual(
    expect.arrayContaining(['200', '201', '400', '401', '405', '415', '400 (parser)']),
  );
});
