import { afterEach, describe, expect, test } from 'vitest';
import { serverClock } from '../../lib/core/clock.ts';
import { checkReadAccess } from '../../lib/server/http/access.ts';
import { endScripts, runScript } from '../support/scripts/script-process.ts';

afterEach(endScripts);

const secret = 'a-secret-of-thirty-two-characters';

/** Runs `npm run token` to its end. */
async function make(args: readonly string[], env: Record<string, string> = { READ_TOKEN_SECRET: secret }) {
  const script = runScript('token', args, env);
  return { code: await script.code, out: script.out(), err: script.err() };
}

/** What the server makes of a token, `afterSeconds` from now. */
function read(token: string, channel: string, afterSeconds = 0) {
  const request = new Request('http://feed.test/', { headers: { authorization: `Bearer ${token.trim()}` } });
  const clock = { ...serverClock, now: () => Date.now() + afterSeconds * 1_000 };
  return checkReadAccess(request, [channel], { settings: { readTokenSecret: secret }, clock });
}

describe('the token that npm run token makes', () => {
  test('can read its channels, and no others, until it expires', async () => {
    const { code, out, err } = await make([
      '--channels',
      'order.*,news',
      '--channels',
      'chat',
      '--ttl',
      '15m',
    ]);

    expect(code).toBe(0);
    expect(err).toMatch(/^This token can read order\.\*, news, chat until \d{4}-/);
    for (const channel of ['order.7', 'news', 'chat']) await read(out, channel);
    await expect(read(out, 'orders')).rejects.toMatchObject({ code: 'forbidden' });
    await read(out, 'news', 14 * 60);
    await expect(read(out, 'news', 16 * 60)).rejects.toMatchObject({ code: 'unauthorized' });
  });

  test('is valid for an hour by default, and has the subject it is given', async () => {
    const { out } = await make(['--channels', 'news', '--subject', 'zoë']);
    const payload = JSON.parse(Buffer.from(out.split('.')[1] ?? '', 'base64url').toString());

    expect(payload).toMatchObject({ channels: ['news'], sub: 'zoë' });
    expect(payload.exp - payload.iat).toBe(3_600);
  });
});

test.each([
  [[], '--channels is missing.'],
  [['--channels', 'two words'], 'channels: "two words" is not a channel. Use'],
  [['--channels', 'a*b'], 'channels: "a*b" is not a channel. Use'],
  [['--channels', 'a', '--ttl', 'soon'], '--ttl: "soon" is not a time such as'],
  [['--channels', 'a', '--ttl', '400d'], '--ttl: "400d" is not a time such as'],
  [['--channels', 'a', '--ttl', '0s'], '--ttl: "0s" is not a time such as'],
])('%j makes none, and says what the option takes', async (args, reason) => {
  const { code, out, err } = await make(args);

  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(err).toContain(reason);
});

test('without a secret there is no token, and the error names the variable', async () => {
  const { code, err } = await make(['--channels', 'a'], { READ_TOKEN_SECRET: '' });

  expect(code).toBe(1);
  expect(err).toContain('READ_TOKEN_SECRET is not set. Set it in .env.local');
});
