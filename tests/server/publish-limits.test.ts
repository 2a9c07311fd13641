import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RateLimit } from '../../lib/log/event-log.ts';
import { publishLimits } from '../../lib/server/admission.ts';
import { trackConnections } from '../../lib/server/node/sockets.ts';
import { listenOnFreePort } from '../support/listen-on-free-port.ts';

const settings = { publishRate: 100, publishToken: 'the-token', isVercel: false };
const onVercel = { ...settings, isVercel: true };

function requestWith(headers: HeadersInit = {}): Request {
  return new Request('http://feed.test/api/events', { method: 'POST', headers });
}

const namesOf = (limits: readonly RateLimit[]) => limits.map(({ name }) => name);

describe('the limits of a publish request', () => {
  test('are none if PUBLISH_RATE is not set', () => {
    const limits = publishLimits(requestWith({ 'x-real-ip': '192.0.2.1' }), {
      ...onVercel,
      publishRate: null,
    });

    expect(limits).toEqual([]);
  });

  test.each([
    [1, 500],
    [50, 500],
    [51, 510],
    [100, 1_000],
    [1_000_000, 10_000_000],
  ])('of %i per second allow %i at once', (publishRate, burst) => {
    const [limit] = publishLimits(requestWith(), { ...settings, publishRate });

    expect(limit).toMatchObject({ perSecond: publishRate, burst });
  });

  test("are only the token's if the address is unknown", () => {
    expect(namesOf(publishLimits(requestWith(), settings))).toEqual([
      expect.stringMatching(/^token:[0-9a-f]{16}$/),
    ]);
  });

  test("are only the address's if there is no token", () => {
    const limits = publishLimits(requestWith({ 'x-real-ip': '192.0.2.1' }), {
      ...onVercel,
      publishToken: null,
    });

    expect(namesOf(limits)).toEqual([expect.stringMatching(/^address:[0-9a-f]{16}$/)]);
  });

  test('show neither the token nor the address', () => {
    const limits = publishLimits(requestWith({ 'x-real-ip': '192.0.2.1' }), onVercel);

    expect(limits).toHaveLength(2);
    expect(JSON.stringify(limits)).not.toMatch(/the-token|192\.0/);
  });

  test('on the platform count the address that it reports', () => {
    const [one, two, again] = ['192.0.2.1', '192.0.2.2', '192.0.2.1'].map((address) =>
      namesOf(publishLimits(requestWith({ 'x-real-ip': address }), onVercel)),
    );

    expect(again).toEqual(one);
    expect(two).not.toEqual(one);
  });
});

describe('a process that owns its sockets', () => {
  /** Answers with the names of a request's limits, as a route would compute them. */
  const server = createServer((incoming, answer) => {
    const request = requestWith(incoming.headers as Record<string, string>);
    answer.end(JSON.stringify(namesOf(publishLimits(request, settings))));
  });
  const ask = async (headers: HeadersInit = {}): Promise<string[]> => {
    const { port } = server.address() as AddressInfo;
    return (await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers })).json();
  };

  beforeAll(async () => {
    trackConnections();
    await listenOnFreePort(server);
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  test('takes the address from the socket, and no header changes it', async () => {
    const plain = await ask();

    expect(plain[1]).toMatch(/^address:/);
    for (const name of ['x-forwarded-for', 'x-real-ip', 'x-vercel-forwarded-for', 'forwarded']) {
      expect(await ask({ [name]: '192.0.2.7' })).toEqual(plain);
    }
  });
});
