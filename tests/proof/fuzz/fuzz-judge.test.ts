import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import type { TimedAnswer } from './exchange.ts';
import { isOfParser, judge } from './judge.ts';
import { expectAnswer } from './request.ts';
import { fuzzSecrets } from './secrets.ts';

const problem = {
  type: 'urn:steadfeed:problem:bad-request',
  title: 'The request is malformed',
  status: 400,
  detail: 'after: "x" is not an event id',
};
const problemHeaders = {
  'content-type': 'application/problem+json; charset=utf-8',
  'cache-control': 'private, no-store',
};

/** A refusal as it must be, but for what is given. */
function refusal(other: Partial<typeof problem> = {}, headers: Record<string, string> = {}): TimedAnswer {
  const told = { ...problem, ...other };
  return answer(told.status, JSON.stringify(told), { ...problemHeaders, ...headers });
}

function answer(
  status: number,
  body = '',
  headers: Readonly<Record<string, string>> = {},
  tookMs = 5,
): TimedAnswer {
  return { status, body, headers: new Map(Object.entries(headers)), isWhole: true, tookMs };
}

const json = { 'content-type': 'application/json; charset=utf-8' };
const page = answer(200, '{"events":[],"cursor":"0-0","gaps":[],"more":false}', json);

describe('the check of answers', () => {
  test.each([
    ['a page', page],
    ['a refusal that names the part', refusal()],
    ['a bare 400 of Node’s parser', answer(400)],
    [
      'a 503 that says when to come back',
      refusal({ status: 503, detail: 'the log cannot be reached' }, { 'retry-after': '2' }),
    ],
  ])('accepts %s', (_name, given) => {
    expect(judge(expectAnswer({ statuses: [200, 400] }), given)).toEqual([]);
  });

  test.each([
    ['a 500', refusal({ status: 500 }), '500 is a failure of the server'],
    ['a 502', answer(502), '502 is a failure of the server'],
    ['a 503 that does not say when', refusal({ status: 503 }), '503 is a failure of the server'],
    ['a 400 in HTML', answer(400, '<html>', { 'content-type': 'text/html' }), 'not as a problem'],
    ['a 400 in plain text without a type', answer(400, 'Bad Request'), 'not as a problem'],
    ['a problem without a detail', refusal({ detail: '' }), 'names no part'],
    ['a problem whose detail names nothing', refusal({ detail: 'something is wrong' }), 'names no part'],
    ['a problem without a title', refusal({ title: '' }), 'has no title'],
    ['a problem without a type', refusal({ type: 'about:blank' }), 'has no type'],
    [
      'a problem of another status',
      { ...refusal({ status: 422 }), status: 400 },
      'a problem of 400 says 422',
    ],
    ['a problem that caches may keep', refusal({}, { 'cache-control': 'public' }), 'may be kept'],
    ['a problem that is cut', { ...refusal(), body: '{"type":' }, 'is not JSON'],
    ['a path of the machine', refusal({ detail: `body: ${tmpdir()}/feed.db` }), 'a path of the machine'],
    ['a stack', refusal({ detail: 'body: at readEvents (route.js:10:5)' }), 'shows internals'],
    ['a driver’s text', refusal({ detail: 'body: SQLITE_BUSY' }), 'shows internals'],
    ['a secret in the body', refusal({ detail: `token: ${fuzzSecrets.readSecret}` }), 'shows a secret'],
    [
      'a secret in a header',
      { ...page, headers: new Map([...page.headers, ['x', fuzzSecrets.publishToken]]) },
      'shows a secret',
    ],
    ['an answer that is slow', { ...page, tookMs: 2_001 }, 'it took 2001 ms'],
    [
      'a way to another server',
      answer(308, '', { location: '//evil.example/' }),
      'redirects to another host',
    ],
    ['a wrong status', refusal({ status: 404 }), 'the status is 404; right are 200, 400'],
    ['a page without its members', { ...page, body: '{}' }, 'not what the contract says'],
    ['a page that is cut', { ...page, body: '{"events":[' }, 'not what the contract says'],
    ['a page in HTML', { ...page, headers: new Map([['content-type', 'text/html']]) }, 'JSON came as'],
  ])('rejects %s', (_name, given, fault) => {
    expect(judge(expectAnswer({ statuses: [200, 400] }), given).join('\n')).toContain(fault);
  });

  test('rejects a bare 400 if the request was valid', () => {
    expect(isOfParser(answer(400))).toBe(true);
    expect(judge(expectAnswer({ statuses: [201] }), answer(400))).toEqual([
      'the status is 400; right are 201',
    ]);
  });

  test('rejects a stream with the wrong content type', () => {
    expect(judge(expectAnswer({ route: 'stream' }), page).join()).toContain('a stream came as');
  });
});
