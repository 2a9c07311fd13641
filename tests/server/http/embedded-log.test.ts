import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readSettings } from '../../../lib/config/settings.ts';
import { createSqliteLog } from '../../../lib/log/sqlite/sqlite-log.ts';
import { eventsRoute } from '../../../lib/server/http/events-route.ts';
import { streamRoute } from '../../../lib/server/http/stream-route.ts';
import { createRuntime, type Runtime } from '../../../lib/server/runtime.ts';
import { range } from '../../support/log/log-steps.ts';
import { createManualClock, type ManualClock, settle } from '../../support/server/manual-clock.ts';
import { readStream } from '../../support/server/open-stream.ts';

// All else runs on a model of a log; this is the real one, behind the same routes.
describe('the routes on the embedded log', () => {
  let clock: ManualClock;
  let runtime: Runtime;
  const address = (path: string) => new URL(path, 'http://feed.test/api/');

  beforeEach(() => {
    clock = createManualClock();
    const log = createSqliteLog({
      file: ':memory:',
      retention: 20,
      clock,
      random: clock.random,
      stepClock: clock,
    });
    runtime = createRuntime(readSettings({}), clock, log);
  });
  afterEach(() => {
    runtime.tails.close();
    runtime.log.close();
  });

  const publish = (events: readonly unknown[], headers: Record<string, string> = {}) =>
    eventsRoute(() => runtime)(
      new Request(address('events'), {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(events),
      }),
    );
  const open = async (query: string) =>
    readStream(await streamRoute(300, () => runtime)(new Request(address(`stream?${query}`))));

  test('stream what is published, at once and in order', async () => {
    const stream = await open('');

    for (const number of range(1, 10)) await publish([{ data: number }]);
    await settle();

    expect(stream.data()).toEqual(range(1, 10));
  });

  test('let a reader continue where it was, and report what was trimmed', async () => {
    const stream = await open('');
    await publish([{ data: 1 }]);
    await settle();
    await stream.cancel();
    await clock.advance(25_000);
    for (const number of range(2, 300)) await publish([{ data: number }]);

    const again = await open(`after=${stream.cursor()}`);

    const missed = Number(again.of('gap')[0]?.data.missed);
    expect(again.data()).toEqual(range(2 + missed, 300));
  });

  test('store one of many equal requests with the same key', async () => {
    const stream = await open('');

    const answers = await Promise.all(
      range(1, 10).map(() => publish([{ data: 1 }], { 'idempotency-key': 'k' })),
    );
    await settle();

    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(stream.data()).toEqual([1]);
  });

  test('answer 503 once the log is closed', async () => {
    runtime.log.close();

    expect((await publish([{ data: 1 }])).status).toBe(503);
  });
});
