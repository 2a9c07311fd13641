import { describe, expect, test } from 'vitest';
import { sessionSeconds, triesAtOnce } from '../../../lib/server/status/session.ts';
import { expectRefusal } from '../../support/server/refusal.ts';
import { cookieOf, makeStatusStand, type StatusStand, statusToken } from './status-stand.ts';

/** The status of a page of the status feed, read with these headers. */
async function readsWith(stand: StatusStand, headers: Record<string, string> = {}): Promise<number> {
  return (await stand.askStatus('api/events?channel=status&rewind=1', { headers })).status;
}

const ofBrowser = (address: string) => ({ 'x-real-ip': address });

describe('the sign-in', () => {
  test('with the publish token leads back to the page, and sets a cookie that opens the status', async () => {
    const stand = makeStatusStand();

    const answer = await stand.signIn(statusToken);

    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/status']);
    expect(await readsWith(stand, { cookie: cookieOf(answer) })).toBe(200);
    expect(await readsWith(stand)).toBe(401);
  });

  test('sets a cookie that only the status page gets, that no script reads and no other site sends', async () => {
    const setCookie = (await makeStatusStand().signIn(statusToken)).headers.get('set-cookie') ?? '';

    const [, ...attributes] = setCookie.split('; ');
    expect(attributes).toEqual(['Path=/status', `Max-Age=${sessionSeconds}`, 'HttpOnly', 'SameSite=Strict']);
    expect(setCookie).not.toContain(statusToken);
  });

  test('keeps the cookie to HTTPS where the browser uses it', async () => {
    const stand = makeStatusStand();
    const isSecure = async (headers: Record<string, string>) =>
      (await stand.signIn(statusToken, headers)).headers.get('set-cookie')?.endsWith('; Secure');

    expect(await isSecure({ origin: 'https://feed.test' })).toBe(true);
    expect(await isSecure({ origin: 'http://localhost:3000' })).toBe(false);
    const onVercel = makeStatusStand({ env: { VERCEL: '1' } });
    expect((await onVercel.signIn(statusToken)).headers.get('set-cookie')).toMatch(/; Secure$/);
  });

  test('with another token leads back to the page, which is told why, and sets no cookie', async () => {
    for (const token of ['', 'no', `${statusToken}x`]) {
      const answer = await makeStatusStand().signIn(token);

      expect([answer.status, answer.headers.get('location')]).toEqual([303, '/status?refused=token']);
      expect(answer.headers.get('set-cookie')).toBeNull();
    }
  });

  test('accepts the previous token too, while there is one', async () => {
    const env = { PUBLISH_TOKEN: 'new', PUBLISH_TOKEN_PREVIOUS: statusToken };
    expect(cookieOf(await makeStatusStand({ env }).signIn(statusToken))).toMatch(/^steadfeed_status=\d+\./);
  });

  test('lasts for 12 h, and not longer', async () => {
    const stand = makeStatusStand();
    const headers = await stand.cookie();

    await stand.clock.advance(sessionSeconds * 1_000 - 2_000);
    expect(await readsWith(stand, headers)).toBe(200);
    await stand.clock.advance(2_000);
    expect(await readsWith(stand, headers)).toBe(401);
  });

  test('counts in every process with the same token, as the current or the previous one, and in no other', async () => {
    const { cookie } = await makeStatusStand().cookie();
    const readsIn = (env: Record<string, string>) => readsWith(makeStatusStand({ env }), { cookie });

    expect(await readsIn({})).toBe(200);
    expect(await readsIn({ PUBLISH_TOKEN: 'new', PUBLISH_TOKEN_PREVIOUS: statusToken })).toBe(200);
    expect(await readsIn({ PUBLISH_TOKEN: 'new' })).toBe(401);
  });

  test('cannot be made longer, or be made at all, by who does not know the token', async () => {
    const stand = makeStatusStand();
    const { cookie } = await stand.cookie();
    const [, end, mac] = /=(\d+)\.(.*)/.exec(cookie) ?? [];
    const forged = [
      `steadfeed_status=${Number(end) + 1}.${mac}`,
      `steadfeed_status=${end}.${mac}x`,
      `steadfeed_status=${end}.`,
      `steadfeed_status=${statusToken}`,
      `other=1; x_steadfeed_status=${end}.${mac}`,
    ];
    for (const each of forged) expect(await readsWith(stand, { cookie: each }), each).toBe(401);
    expect(await readsWith(stand, { cookie: `a=b; ${forged[0]}; ${cookie}` })).toBe(200);
  });

  test('ends when its browser signs out', async () => {
    const stand = makeStatusStand();
    const answer = await stand.askStatus('session', {
      method: 'POST',
      body: 'end=1',
      headers: { 'content-length': '5', ...(await stand.cookie()) },
    });

    expect(answer.headers.get('location')).toBe('/status');
    expect(answer.headers.get('set-cookie')).toMatch(/^steadfeed_status=; Path=\/status; Max-Age=0;/);
  });

  test('is refused from a page of another site, and with a large body', async () => {
    const stand = makeStatusStand();
    await expectRefusal(stand.signIn(statusToken, { 'sec-fetch-site': 'cross-site' }), 403);
    await expectRefusal(stand.signIn('x'.repeat(9_000)), 413);
  });
});

describe('guessing', () => {
  const env = { VERCEL: '1' };

  test('is slowed down: after ten wrong tokens even the right one waits 10 s', async () => {
    const stand = makeStatusStand({ env });
    const tryWith = async (token: string, address: string) =>
      (await stand.signIn(token, ofBrowser(address))).headers.get('location');
    for (let tries = 0; tries < triesAtOnce; tries++)
      expect(await tryWith('wrong', '192.0.2.1')).toBe('/status?refused=token');

    expect(await tryWith('wrong', '192.0.2.1')).toBe('/status?refused=tries');
    expect(await tryWith(statusToken, '192.0.2.1')).toBe('/status?refused=tries');
    expect(await tryWith(statusToken, '192.0.2.2')).toBe('/status');
    await stand.clock.advance(10_000);
    expect(await tryWith('wrong', '192.0.2.1')).toBe('/status?refused=token');
    expect(await tryWith(statusToken, '192.0.2.1')).toBe('/status?refused=tries');
    await stand.clock.advance(10_000);
    expect(await tryWith(statusToken, '192.0.2.1')).toBe('/status');
  });

  test('counts all of one IPv6 network as one address', async () => {
    const stand = makeStatusStand({ env });
    for (let tries = 0; tries < triesAtOnce; tries++)
      await stand.signIn('wrong', ofBrowser(`2001:db8::${tries}`));

    const answer = await stand.signIn(statusToken, ofBrowser('2001:db8::ffff'));
    expect(answer.headers.get('location')).toBe('/status?refused=tries');
  });
});

describe('without a publish token', () => {
  test('nobody reads the status in production', async () => {
    const stand = makeStatusStand({ env: { PUBLISH_TOKEN: '' } });
    const answer = await stand.signIn('');
    expect([answer.headers.get('location'), answer.headers.get('set-cookie')]).toEqual(['/status', null]);
    for (const cookie of ['', 'steadfeed_status=', 'steadfeed_status=9999999999.x'])
      expect(await readsWith(stand, { cookie })).toBe(401);
  });

  test('everybody reads it in development', async () => {
    const stand = makeStatusStand({ env: { NODE_ENV: 'development', PUBLISH_TOKEN: '' } });
    expect(await readsWith(stand)).toBe(200);
  });
});
