import type { Chance } from '../chance.ts';
import type { Input, Route } from '../plan.ts';
import { expectAnswer, oneRequest, requestBytes } from '../request.ts';

/*
 * Known failures of the framework, before our code runs: it answers 500 to the target `*` ("Invalid URL"), and to the
 * address of its own error page.
 */

/** An address that is not one of our routes, or is one in another spelling. The framework may answer anything but 5xx. */
export function oddTarget(chance: Chance): Input {
  const target = chance.pick([
    () =>
      chance.pick([
        '*',
        '//',
        '///',
        '/%',
        '/%00',
        '/api/%00',
        '/api/%E0%A4%A',
        '/api/stream/..',
        '/api/../api/events',
        '/..%2f..%2fetc/passwd',
        '/./',
        '/api//events',
        '/API/EVENTS',
        '/api/events/',
        '/api/events/x',
        '/api/events%3Fa',
        '/api/events;a=b',
        '/api/events%2f',
        '/api/events.json',
        '/api/events.rsc',
        '/index.rsc',
        '/index',
        '/\\',
        '/api\\events',
        '/api/events#x',
        '?',
        '/?',
        '',
      ]),
    () =>
      chance.pick([
        'http://127.0.0.1/api/events',
        'http://evil.example/api/health',
        'HTTP://[::1]/',
        'http://[',
        'https://x:99999/',
        'file:///etc/passwd',
        'javascript:1',
        'http:///api/events',
        '//evil.example/api/events',
        'http://a@b:c@d/',
        'ws://x/',
      ]),
    () =>
      chance.pick([
        '/_next/',
        '/_next/static/../../package.json',
        '/_next/static/%2e%2e/%2e%2e/BUILD_ID',
        '/_next/image?url=/&w=64&q=75',
        '/_next/image?url=http://127.0.0.1/&w=64&q=75',
        '/_next/data/x/index.json',
        '/_next/webpack-hmr',
        '/_next/static/chunks/x.js',
        '/__nextjs_original-stack-frame',
        '/.env',
        '/.git/config',
        '/favicon.ico',
        '/robots.txt',
        '/_error',
        '/404',
        '/500',
        '/_not-found',
        '/_global-error',
      ]),
    () =>
      `/?channel=${chance.pick(['', '..', '%00', '%FF', 'a%20b', '%3Cscript%3E', 'x'.repeat(3_000), '1&channel=2', '__proto__'])}`,
    () => `/${chance.text(chance.below(40), 'abc%./\\?#&;:@[]{}|^~+ ')}`,
    () => `/${chance.text(chance.below(30), 'a\u0080\u00e9\u00ff%/')}`,
    () => `/api/${chance.text(chance.below(2_000), 'ab/%2f.')}`,
  ])();
  const version = chance.pick([
    'HTTP/1.1',
    'HTTP/1.1',
    'HTTP/1.1',
    'HTTP/1.0',
    'HTTP/0.9',
    'HTTP/2.0',
    'HTTP/1.2',
    'HTTP/11',
    '',
  ]);
  const namesHost = !target.startsWith('/');
  const isKnownToFail = target === '*' || target === '/_global-error';
  const input = oneRequest(
    { target, version },
    { route: 'framework', isHeld: true, namesHost, statuses: isKnownToFail ? [400, 500] : null },
  );
  return { ...input, ending: { kind: 'leave', afterMs: 200, isOverWhenAnswered: true } };
}

/** A method that the route does not accept, or an unknown method. */
export function oddMethod(chance: Chance): Input {
  // CONNECT is no request to the framework at all.
  const known = chance.pick([
    'PUT',
    'PATCH',
    'DELETE',
    'OPTIONS',
    'HEAD',
    'POST',
    'TRACE',
    'PROPFIND',
    'SEARCH',
    'QUERY',
    'M-SEARCH',
    'PURGE',
    'MKCOL',
    'LOCK',
    'SOURCE',
  ]);
  const route = chance.pick<Route>(['events', 'stream', 'health']);
  if (chance.once(2)) {
    const isTaken = known === 'OPTIONS' || known === 'HEAD';
    const refusal = route === 'events' && known === 'POST' ? 401 : 405;
    return oneRequest(
      { method: known, target: `/api/${route}` },
      { route, statuses: isTaken ? [200, 204] : [refusal] },
    );
  }
  const unknown = chance.pick(['get', 'GETT', 'G', 'BREW', '', 'GET\t', chance.text(300, 'GET')]);
  const input = oneRequest(
    { method: unknown, target: chance.pick([`/api/${route}`, '/', '/nowhere']) },
    { route: 'framework' },
  );
  return {
    ...input,
    keepsConnection: false,
    ending: { kind: 'leave', afterMs: 200, isOverWhenAnswered: true },
  };
}

/** HTTP/1.0, `Host` missing, doubled or odd, `Connection` of any kind. */
export function oldHttp(chance: Chance): Input {
  const version = chance.pick(['HTTP/1.0', 'HTTP/1.1']);
  const route = chance.pick<Route>(['events', 'health', 'stream', 'page']);
  const target = route === 'page' ? '/' : `/api/${route}`;
  const host = chance.pick([
    '',
    'host: \r\n',
    'host: a\r\nhost: b\r\n',
    'host: [\r\n',
    'host: evil.example:1\r\n',
    `host: ${'x'.repeat(3_000)}\r\n`,
    'host: a b\r\n',
    'host: \u00ff\r\n',
    'Host:127.0.0.1\r\n',
    'host: /..\r\n',
    'host: user@x\r\n',
  ]);
  const connection = chance.pick([
    '',
    'connection: close\r\n',
    'connection: keep-alive\r\n',
    'connection: upgrade\r\n',
    'connection: host\r\n',
  ]);
  const bytes = Buffer.from(`GET ${target} ${version}\r\n${host}${connection}\r\n`, 'latin1');
  const expected = expectAnswer({ route, isHeld: true });
  return { parts: [bytes], keepsConnection: false, expectedAnswers: [expected], ending: { kind: 'answers' } };
}

/** A body where none belongs. */
export function needlessBody(chance: Chance): Input {
  const route = chance.pick<Route>(['events', 'health', 'stream', 'page']);
  const target = route === 'page' ? '/' : `/api/${route}`;
  const body = Buffer.from(chance.text(chance.below(30_000)));
  const method = chance.pick(['GET', 'HEAD', 'OPTIONS', 'DELETE']);
  const bytes = requestBytes({ method, target, body });
  const expected = expectAnswer({ method, route, isHeld: true });
  return { parts: [bytes], keepsConnection: false, expectedAnswers: [expected], ending: { kind: 'answers' } };
}
