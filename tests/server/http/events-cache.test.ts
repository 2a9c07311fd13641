import { describe, expect, test } from 'vitest';
import { makeStand } from '../../support/server/stand.ts';

const head = 'public, max-age=0, s-maxage=1';
const full = 'public, max-age=0, s-maxage=60';
const never = 'private, no-store';

/** A stand with 30 events in `feed` and 3 in `one`, and the cursor after the tenth. */
async function makeFullStand(env = {}) {
  const stand = makeStand({ env });
  await stand.publish(30);
  await stand.publish(3, 'one');
  const tenth = stand.memory.kept('feed')[9];
  return { stand, tenth: `${tenth?.id.time}-10~${tenth?.epoch}` };
}

describe('shared caching', () => {
  test.each([
    ['at the head, by a cursor', head, (tenth: string) => `after=${tenth}`],
    ['at the head, now', head, () => ''],
    ['at the head, with a filter', head, (tenth: string) => `after=${tenth}&type=none`],
    ['of a full page', full, (tenth: string) => `after=${tenth}&limit=5`],
    ['of a full page with a filter', never, (tenth: string) => `after=${tenth}&limit=5&type=message`],
    [
      'of a full page by a cursor without epoch',
      never,
      (tenth: string) => `after=${tenth.split('~')[0]}&limit=5`,
    ],
    ['of a full page from the beginning', never, () => 'after=0-0&limit=5'],
    ['of a full page of a rewind', never, () => 'rewind=all&limit=5'],
    ['of several channels', never, (tenth: string) => `channel=feed&channel=one&after=feed@${tenth}`],
    ['of a page that was waited for', never, (tenth: string) => `after=${tenth}&wait=1`],
    ['of a page with a token', never, (tenth: string) => `after=${tenth}&token=t`],
    ['of history', never, (tenth: string) => `before=${tenth.split('~')[0]}`],
  ])('%s is %s', async (_, expected, query) => {
    const { stand, tenth } = await makeFullStand();

    const response = await stand.ask(`events?${query(tenth)}`);

    expect(response.status).toBe(200);
    expect(response.headers.get('feed-time')).toBe(String(stand.clock.now()));
    expect(response.headers.get('cache-control')).toBe(expected);
  });

  test.each([{ authorization: 'Bearer t' }, { cookie: 'a=b; feed_token=t' }])(
    'is off with %j',
    async (headers) => {
      const { stand, tenth } = await makeFullStand();

      const response = await stand.ask(`events?after=${tenth}&limit=5`, { headers });

      expect(response.headers.get('cache-control')).toBe(never);
    },
  );

  test('is off for a page with a gap', async () => {
    const { stand, tenth } = await makeFullStand();
    stand.memory.trim('feed', 5);

    const response = await stand.ask(`events?after=${tenth}&limit=3`);

    expect(response.headers.get('cache-control')).toBe(never);
  });

  test('varies by origin if origins are allowed', async () => {
    const { stand, tenth } = await makeFullStand({ ALLOWED_ORIGINS: 'https://a.test' });

    const response = await stand.ask(`events?after=${tenth}`);

    expect(response.headers.get('vary')).toContain('Origin');
  });
});

describe('an entity tag', () => {
  test('stays the same while the page does, and gets 304 without a body', async () => {
    const { stand, tenth } = await makeFullStand();
    const first = await stand.ask(`events?after=${tenth}`);
    const tag = first.headers.get('etag') ?? '';
    await stand.clock.advance(60_000);

    const again = await stand.ask(`events?after=${tenth}`, { headers: { 'if-none-match': tag } });

    expect(tag).toMatch(/^"[\w-]+"$/);
    expect([again.status, await again.text()]).toEqual([304, '']);
    expect([again.headers.get('etag'), again.headers.get('cache-control')]).toEqual([tag, head]);
  });

  test.each([
    (tag: string) => `W/${tag}`,
    (tag: string) => `"other", ${tag}`,
    (tag: string) => `"a",W/${tag}`,
  ])('matches among others, and as a weak tag from a cache that compresses (%#)', async (send) => {
    const { stand, tenth } = await makeFullStand();
    const tag = (await stand.ask(`events?after=${tenth}`)).headers.get('etag') ?? '';

    const again = await stand.ask(`events?after=${tenth}`, { headers: { 'if-none-match': send(tag) } });

    expect(again.status).toBe(304);
  });

  test('changes when the page changes', async () => {
    const { stand, tenth } = await makeFullStand();
    const tag = (await stand.ask(`events?after=${tenth}`)).headers.get('etag') ?? '';
    await stand.publish(1);

    const again = await stand.ask(`events?after=${tenth}`, { headers: { 'if-none-match': tag } });

    expect(again.status).toBe(200);
    expect(again.headers.get('etag')).not.toBe(tag);
  });
});
