import type { Chance } from '../chance.ts';
import type { Input, Route } from '../plan.ts';
import type { Header } from '../request.ts';
import { oneRequest } from '../request.ts';
import { readToken } from '../secrets.ts';
import { publisher } from './valid-publish.ts';

/** Headers that our routes read, with unknown values, and other headers that are many, large or odd. */
export function oddHeaders(chance: Chance): Input {
  const count = chance.once(15) ? chance.below(1_500) : 1 + chance.below(4);
  const headers = Array.from({ length: count }, () => oddHeader(chance));
  if (headers.some(([name]) => name === 'upgrade')) headers.push(['connection', 'upgrade, http2-settings']);
  const route = chance.pick<Route>(['events', 'events', 'stream', 'health', 'page']);
  const target =
    route === 'page' ? '/' : `/api/${route}${chance.pick(['', '?channel=private-1', '?rewind=1'])}`;
  const isExpecting = headers.some(([name]) => name === 'expect');
  const input = oneRequest(
    { target, headers },
    { route, isHeld: route === 'stream', statuses: isExpecting ? null : okOrRefused },
  );
  return { ...input, keepsConnection: false };
}

// 307: the framework redirects a request with `rsc` to the same address with `_rsc` in its query.
const okOrRefused = [200, 304, 307, 400, 401, 403, 431];

/** An idempotency key: valid (1 to 200 printable ASCII characters) or not. */
export function oddKey(chance: Chance, number: number): Input {
  const key = chance.pick([
    () => `odd-${number}`,
    () => chance.text(chance.pick([0, 1, 199, 200, 201, 5_000]), '!~ az,"'),
    () => chance.text(3, '\u0080\u00e9\u00ff\u0009'),
    () => chance.pick(['a', 'constructor', '__proto__', "'; DROP TABLE event; --", '%00']),
  ])();
  const bytes = Buffer.from(JSON.stringify({ channel: 'public:keys', data: number }));
  const headers: Header[] = [publisher, ['content-type', 'application/json'], ['idempotency-key', key]];
  if (chance.once(8)) headers.push(['idempotency-key', 'twice']);
  return oneRequest(
    { method: 'POST', target: '/api/events', headers, body: bytes },
    { statuses: [200, 201, 400, 422], body: { form: 'json', bytes } },
  );
}

function oddHeader(chance: Chance): Header {
  return chance.pick<() => Header>([
    () => [
      'if-none-match',
      chance.pick(['*', '""', 'W/"x"', '"', ','.repeat(500), '"a","b"', chance.text(3_000, '",W/')]),
    ],
    () => [
      'authorization',
      chance.pick([
        'Bearer',
        'Bearer ',
        'Basic eDp5',
        'bearer  x',
        `Bearer ${jwtText(chance)}`,
        `Bearer ${chance.text(4_000)}`,
      ]),
    ],
    () => [
      'cookie',
      chance.pick([
        'feed_token=',
        'feed_token',
        ';;;=',
        `feed_token=${jwtText(chance)}`,
        '__proto__=1',
        'a=b; feed_token=%00',
        chance.text(3_000, '=; a'),
      ]),
    ],
    () => [
      'accept',
      chance.pick(['*/*', 'text/event-stream', 'text/html;q=9', ',', ';', '', 'x'.repeat(3_000)]),
    ],
    () => [
      'origin',
      chance.pick(['null', 'http://127.0.0.1', 'http://[', 'x'.repeat(2_000), 'https://elsewhere.example']),
    ],
    () => [
      chance.pick([
        'x-forwarded-for',
        'x-forwarded-host',
        'x-forwarded-proto',
        'forwarded',
        'x-real-ip',
        'x-original-url',
      ]),
      chance.pick(['', '::', 'evil.example', 'http', ','.repeat(300), '\u00ff']),
    ],
    () => [
      chance.pick([
        'next-action',
        'rsc',
        'next-router-state-tree',
        'next-router-prefetch',
        'x-middleware-subrequest',
        'x-nextjs-data',
        'next-url',
        'x-matched-path',
        'x-invoke-path',
        'x-prerender-revalidate',
      ]),
      chance.pick(['1', 'x', '%', '[', '../../etc', 'middleware:middleware:middleware', chance.text(40)]),
    ],
    () => [
      chance.pick([
        'accept-encoding',
        'range',
        'accept-language',
        'user-agent',
        'referer',
        'via',
        'te',
        'connection',
      ]),
      chance.pick(['gzip', 'bytes=0-1', 'bytes=-', '*', '', 'close', 'trailers', 'x'.repeat(1_000)]),
    ],
    () => [
      'content-type',
      chance.pick(['application/json', 'multipart/form-data', 'multipart/form-data; boundary=x', '', '/']),
    ],
    () => [
      chance.pick(['upgrade', 'expect', 'http2-settings']),
      chance.pick(['websocket', 'h2c', '100-continue', 'x']),
    ],
    () => [
      `x-${chance.text(1 + chance.below(8))}`,
      chance.text(chance.below(chance.once(10) ? 17_000 : 30), 'ab \t\u0080\u00e9\u00ff;,"'),
    ],
    () => [
      chance.pick([
        '__proto__',
        'constructor',
        'a b',
        'é',
        '',
        'x\0',
        ':',
        'host',
        'content-length',
        'transfer-encoding',
      ]),
      chance.pick(['1', 'x', '0', '-1', 'chunked']),
    ],
  ])();
}

function jwtText(chance: Chance): string {
  return chance.pick([
    () => 'eyJhbGciOiJub25lIn0.eyJjaGFubmVscyI6WyIqIl0sImV4cCI6OTk5OTk5OTk5OX0.',
    () => readToken(['private-1']),
    () => readToken(['other', 'public:*']),
    () => readToken(['private-1'], { exp: 1 }),
    () => readToken(['private-1'], { exp: chance.pick([1e308, -1, 'x', null]) }),
    () => readToken([], { channels: chance.pick([null, 'x', { a: 1 }, [['*']], ['\u0000']]) }),
    () => `${readToken(['private-1'])}${chance.text(2)}`,
    () => chance.text(60, 'abc.'),
  ])();
}
