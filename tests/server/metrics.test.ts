import { describe, expect, test } from 'vitest';
import { Counter, Histogram } from '../../lib/server/metrics.ts';
import { openStream } from '../support/server/open-stream.ts';
import { makeStand } from '../support/server/stand.ts';

describe('a counter', () => {
  test('knows what was added in the last minutes, and forgets what is older than an hour', () => {
    let minute = 7;
    const counter = new Counter(() => minute);
    counter.add(5);
    minute = 9;
    counter.add();

    expect([counter.inLast(1), counter.inLast(2), counter.inLast(3), counter.total]).toEqual([1, 1, 6, 6]);
    minute = 67;
    expect([counter.inLast(60), counter.total]).toEqual([1, 6]);
    minute = 1_000;
    expect([counter.inLast(60), counter.total]).toEqual([0, 6]);
    counter.add(2);
    expect(counter.inLast(60)).toBe(2);
  });
});

describe('a histogram', () => {
  test('gives the percentiles of the last minutes', () => {
    let minute = 0;
    const histogram = new Histogram(() => minute);
    histogram.add(4_000, 100);
    minute = 30;
    histogram.add(4, 98);
    histogram.add(900, 2);

    const { p50 = 0, p99 = 0 } = histogram.percentiles(5) ?? {};
    expect(p50).toBeGreaterThan(2);
    expect(p50).toBeLessThan(5);
    expect(p99).toBeGreaterThan(500);
    expect(p99).toBeLessThanOrEqual(1_000);
    expect(histogram.percentiles(60)?.p99).toBeGreaterThan(2_000);
    expect([histogram.count, histogram.sum]).toEqual([200, 402_192]);
    minute = 100;
    expect(histogram.percentiles(60)).toBeNull();
  });

  test('takes a time beyond its last bound for that bound', () => {
    const histogram = new Histogram(() => 0);
    histogram.add(90_000);
    expect(histogram.percentiles(1)).toEqual({ p50: 30_000, p99: 30_000 });
  });
});

describe('the numbers of a process', () => {
  test('count each event for each stream, with its lag, and not what a reader catches up with', async () => {
    const stand = makeStand();
    const { clock, runtime, publish } = stand;
    await publish(3);
    await clock.advance(1_000);
    await openStream(stand, 'rewind=all');
    await openStream(stand, 'rewind=all');
    await clock.advance(1_000);
    expect(runtime.metrics.deliveries.total).toBe(6);
    expect(runtime.metrics.lag.count).toBe(0);

    await publish(1);
    await clock.advance(100);

    expect(runtime.metrics.deliveries.total).toBe(8);
    expect(runtime.metrics.lag.count).toBe(2);
    expect(runtime.metrics.lag.percentiles(1)?.p99).toBeLessThan(50);
    expect(runtime.metrics.bytes.total).toBeGreaterThan(1_000);
    expect(runtime.metrics.streamsOpened.total).toBe(2);
  });

  test('count the ends of streams by their reasons', async () => {
    const stand = makeStand();
    const { clock, runtime } = stand;
    const leaver = await openStream(stand, '');
    await openStream(stand, '');
    await clock.advance(1_000);
    await leaver.cancel();
    await clock.advance(300_000);

    expect(new Map(runtime.metrics.streamsEnded.entries().map(([key, { total }]) => [key, total]))).toEqual(
      new Map([
        ['left', 1],
        ['deadline', 1],
      ]),
    );
  });

  test('agree with what the process holds: streams that were opened and have not ended', async () => {
    const stand = makeStand();
    const { clock, runtime } = stand;
    const leaver = await openStream(stand, '');
    for (let more = 0; more < 3; more += 1) await openStream(stand, '');
    await clock.advance(1_000);
    await leaver.cancel();
    await clock.advance(1_000);

    const { streamsOpened, streamsEnded } = runtime.metrics;
    const health = (await (await stand.ask('health')).json()) as { readonly streams: number };
    expect([health.streams, streamsOpened.total - streamsEnded.total]).toEqual([3, 3]);
  });

  test('count an event that no announcement brought as repaired, and no event of the first read', async () => {
    const stand = makeStand();
    const { clock, runtime, log, publish } = stand;
    await publish(3);
    runtime.tails.lease('feed');
    await clock.advance(2_000);
    expect(runtime.metrics.repairs.total).toBe(0);

    log.fate = () => [];
    await publish(2);
    await clock.advance(60_000);

    expect(runtime.metrics.repairedEvents.total).toBe(2);
    expect(runtime.metrics.resubscriptions.entries().map(([reason]) => reason)).toEqual(['deaf']);
  });

  test('count refusals by their code, and publishes', async () => {
    const stand = makeStand({ env: { PUBLISH_TOKEN: 'secret', NODE_ENV: 'production' } });
    const { runtime } = stand;
    const body = JSON.stringify({ data: 1 });
    const headers = { 'content-type': 'application/json' };
    const authorized = { ...headers, authorization: 'Bearer secret', 'idempotency-key': 'k' };
    await stand.ask('events', { method: 'POST', body, headers });
    await stand.ask('events?chanel=x');
    for (let time = 0; time < 2; time += 1)
      await stand.ask('events', { method: 'POST', body, headers: authorized });

    const totals = <Key extends string>(set: { entries(): readonly (readonly [Key, Counter])[] }) =>
      Object.fromEntries(set.entries().map(([key, { total }]) => [key, total]));
    expect(totals(runtime.metrics.refusals)).toEqual({ unauthorized: 1, 'bad-request': 1 });
    expect(totals(runtime.metrics.publishes)).toEqual({ stored: 1, duplicate: 1 });
    expect(runtime.metrics.publishedEvents.total).toBe(1);
  });

  test('count the calls of the log that are commands, and apart from them the questions whether it answers', async () => {
    const stand = makeStand();
    const { runtime, clock, log } = stand;
    await stand.ask('health');
    await runtime.log.read('feed', { kind: 'newest' }, 1);
    log.isDown = true;
    await expect(runtime.log.ends(['feed'])).rejects.toThrow();
    await clock.advance(0);

    const { logCommands, logChecks, logFailures, logLatency } = runtime.metrics;
    expect(Object.fromEntries(logCommands.entries().map(([key, { total }]) => [key, total]))).toEqual({
      read: 1,
      ends: 1,
    });
    expect([logChecks.total, logFailures.total, logLatency.count]).toEqual([1, 1, 3]);
  });

  test('count no refusal of the log as its failure: a used key is an answer', async () => {
    const { runtime } = makeStand();
    const events = (data: string) => [{ channel: 'feed', type: 'message', data }];
    const key = (fingerprint: string) => ({ name: 'k', fingerprint });
    await runtime.log.append({ events: events('1'), key: key('a') });
    await expect(runtime.log.append({ events: events('2'), key: key('b') })).rejects.toThrow();
    expect([runtime.metrics.logFailures.total, runtime.metrics.logCommands.total]).toEqual([0, 2]);
  });
});
