import { describe, expect, test } from 'vitest';
import { FeedError } from '../../../lib/core/feed-error.ts';
import { version } from '../../../lib/core/sse-frames.ts';
import { healthRoute } from '../../../lib/server/http/health-route.ts';
import { openStream } from '../../support/server/open-stream.ts';
import { expectRefusal } from '../../support/server/refusal.ts';
import { makeStand } from '../../support/server/stand.ts';

describe('health', () => {
  test('is ok while the log answers, and counts what this process holds', async () => {
    const stand = makeStand();
    await openStream(stand, 'channel=one&channel=two');

    const response = await stand.ask('health');

    expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'private, no-store']);
    expect(await response.json()).toEqual({
      status: 'ok',
      log: { kind: 'embedded', latencyMs: 0 },
      access: 'open',
      streams: 1,
      tails: 2,
      version,
      build: null,
    });
  });

  test('says whether strangers may read private channels', async () => {
    const accessOf = async (env: Record<string, string>) =>
      (await (await makeStand({ env }).ask('health')).json()).access;
    expect(await accessOf({})).toBe('open');
    expect(await accessOf({ READ_TOKEN_SECRET: 'a-secret-of-thirty-two-characters' })).toBe('restricted');
  });

  test('answers HEAD like GET, without a body', async () => {
    const response = await makeStand().ask('health', { method: 'HEAD' });

    expect([response.status, await response.text()]).toEqual([200, '']);
  });

  test('is 503 when the log fails', async () => {
    const stand = makeStand();
    stand.log.isDown = true;

    const response = await stand.ask('health');

    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ status: 'log-unavailable', log: { latencyMs: null } });
  });

  test('says that the store may delete channels, if it does; a failing log does not hide it', async () => {
    const stand = makeStand();
    stand.log.mayEvict = () => true;

    expect((await (await stand.ask('health')).json()).log).toEqual({
      kind: 'embedded',
      latencyMs: 0,
      mayEvict: true,
    });
    stand.log.isDown = true;
    expect((await (await stand.ask('health')).json()).log).toMatchObject({ latencyMs: null, mayEvict: true });
  });

  test('is 503 when the log takes longer than 2 s; if it is faster, it says how long it took', async () => {
    const stand = makeStand();
    stand.log.answerMs = 1_500;
    const fast = stand.ask('health');
    await stand.clock.advance(2_000);
    stand.log.answerMs = 30_000;
    const slow = stand.ask('health');
    await stand.clock.advance(2_000);

    expect(await (await fast).json()).toMatchObject({ status: 'ok', log: { latencyMs: 1_500 } });
    expect((await slow).status).toBe(503);
  });

  test('shows no secret and no URL', async () => {
    const env = {
      PUBLISH_TOKEN: 'secret-1',
      READ_TOKEN_SECRET: 'secret-2',
      UPSTASH_REDIS_REST_URL: 'https://secret-3.test',
      UPSTASH_REDIS_REST_TOKEN: 'secret-4',
    };

    const text = await (await makeStand({ env }).ask('health')).text();

    expect(text).not.toMatch(/secret|http/);
  });

  test('of a process that is not configured is 503, and names the variable', async () => {
    const route = healthRoute(() => {
      throw new FeedError('misconfigured', 'FEED_RETENTION is "x"; allowed is a whole number');
    });

    const response = await route(new Request('http://feed.test/api/health'));

    expect(await expectRefusal(response, 503)).toContain('FEED_RETENTION');
  });
});
