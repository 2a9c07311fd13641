import { describe, expect, test } from 'vitest';
import { createStatusMeter, percentilesOf } from '../../../lib/server/status/meter.ts';
import { openStream } from '../../support/server/open-stream.ts';
import { makeStand } from '../../support/server/stand.ts';
import { makeStatusStand } from './status-stand.ts';

describe('a process measures', () => {
  test('its streams, its waiting polls, and the channels that it follows, the busiest first', async () => {
    const stand = makeStand();
    const meter = createStatusMeter(stand.runtime);
    await openStream(stand, 'channel=quiet&channel=busy');
    await openStream(stand, 'channel=busy');
    void stand.ask('events?channel=polled&wait=20');
    await stand.clock.advance(1_000);
    for (let sent = 0; sent < 10; sent++) {
      await stand.publish(1, 'busy');
      await stand.clock.advance(1_000);
    }

    const status = await meter.measure();
    expect(status).toMatchObject({ streams: 2, waitingPolls: 1, channelCount: 3 });
    const channels = status.channels.map(({ name, readers, lastId }) => [
      name,
      readers,
      lastId.split('-')[1],
    ]);
    expect(channels[0]).toEqual(['busy', 2, '10']);
    expect(channels).toContainEqual(['quiet', 1, '0']);
    expect(status.channels[0]?.eventsPerMinute).toBe(2);
  });

  test('what it sent to readers, and how late: all of the last five minutes', async () => {
    const stand = makeStand();
    const meter = createStatusMeter(stand.runtime);
    await openStream(stand, 'channel=feed');
    await openStream(stand, 'channel=feed');
    await stand.publish(5);
    await stand.clock.advance(1_000);

    const status = await meter.measure();
    expect(status.deliveriesPerMinute).toBe(2);
    expect(status.lag).not.toBeNull();
    await stand.clock.advance(600_000);
    expect(await meter.measure()).toMatchObject({ deliveriesPerMinute: 0, lag: null });
  });

  test('the requests that it refused, by code, the latest most frequent first', async () => {
    const stand = makeStand();
    const meter = createStatusMeter(stand.runtime);
    await stand.ask('events?after=7');
    await stand.clock.advance(600_000);
    for (let sent = 0; sent < 3; sent++) await stand.ask('events', { method: 'DELETE' });

    expect((await meter.measure()).refusals).toEqual([
      { code: 'method-not-allowed', lately: 3, total: 3 },
      { code: 'bad-request', lately: 0, total: 1 },
    ]);
  });

  test('commands of the log in an hour, and not the question whether the log answers', async () => {
    const stand = makeStand();
    const meter = createStatusMeter(stand.runtime);
    for (let asked = 0; asked < 10; asked++) await meter.measure();
    expect((await meter.measure()).commandsPerHour).toBe(0);

    await openStream(stand, 'channel=feed');
    expect((await meter.measure()).commandsPerHour).toBeGreaterThan(0);
  });

  test('neither its watchers nor their refusals', async () => {
    const stand = makeStatusStand();
    const headers = await stand.cookie();
    await stand.askStatus('api/events?channel=status');
    for (let asked = 0; asked < 5; asked++)
      await stand.askStatus('api/events?channel=status&rewind=1', { headers });

    const answer = await stand.askStatus('api/events?channel=status&rewind=1', { headers });
    expect((await answer.json()).events[0].data).toMatchObject({
      streams: 0,
      channelCount: 0,
      commandsPerHour: 0,
      refusals: [],
    });
  });

  test('and tells no secret', async () => {
    const secrets = {
      PUBLISH_TOKEN: 'secret-publish',
      PUBLISH_TOKEN_PREVIOUS: 'secret-previous',
      READ_TOKEN_SECRET: 'secret-of-read-tokens-with-32-chars',
      UPSTASH_REDIS_REST_URL: 'https://user:secret-password@redis.test',
      UPSTASH_REDIS_REST_TOKEN: 'secret-redis',
    };
    const status = await createStatusMeter(makeStand({ env: secrets }).runtime).measure();
    expect(JSON.stringify(status)).not.toMatch(/secret-|redis\.test/);
    expect(Object.fromEntries(status.settings)).toMatchObject({
      PUBLISH_TOKEN: 'set',
      READ_TOKEN_SECRET: 'set',
    });
  });

  test('what a month costs: on the platform also its memory, on a machine of one’s own only what Redis bills', async () => {
    const monthWith = async (env: Record<string, string>) => {
      const stand = makeStand({ env });
      await openStream(stand, 'channel=feed');
      return (await createStatusMeter(stand.runtime).measure()).month;
    };
    const redis = { UPSTASH_REDIS_REST_URL: 'https://redis.test', UPSTASH_REDIS_REST_TOKEN: 'x' };
    expect((await monthWith({})).lines).toEqual([]);
    expect((await monthWith({ REDIS_URL: 'redis://127.0.0.1:1' })).lines).toEqual([]);
    expect((await monthWith(redis)).lines.map(({ what }) => what)).toEqual(['Commands to Redis']);
    const onVercel = await monthWith({ ...redis, VERCEL: '1' });
    expect(onVercel.lines).toHaveLength(5);
    // One process that is awake all month: about 15 dollars for its 2 GB.
    expect(onVercel.dollars).toBeGreaterThan(15);
  });
});

test('percentiles are of the values that were measured', () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(percentilesOf(values)).toEqual({ p50: 51, p99: 100 });
  expect(percentilesOf([7])).toEqual({ p50: 7, p99: 7 });
  expect(percentilesOf([])).toBeNull();
});
