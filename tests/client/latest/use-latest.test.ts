import { act, createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { expect, expectTypeOf, test } from 'vitest';
import { type UseLatestOptions, useLatest } from '../../../lib/client/latest/use-latest.ts';
import type { EventOf } from '../../../lib/config/event-types.ts';
import { latestPage } from '../../support/client/render-latest.tsx';
import { simulatedPlatform } from '../../support/server/simulated-platform.ts';

/** The real routes behind the global `fetch`, so that components may share what they read. */
function setUp() {
  const platform = simulatedPlatform({ env: { QUIET_SECONDS: '0' } });
  const asked: string[] = [];
  const send: typeof fetch = (input, init) => {
    const url = new URL(String(input));
    asked.push(`${url.pathname.split('/').at(-1)} ${url.searchParams.get('channel')}`);
    return platform.fetchFrom(0)(input, init);
  };
  globalThis.fetch = send;
  const publish = (channel: string, subject: string, data: unknown) =>
    platform.log.append({
      events: [{ channel, type: 'message', data: JSON.stringify(data), attributes: { subject } }],
      key: null,
    });
  const passes = (ms: number) => act(() => platform.clock.advance(ms));
  const { clock } = platform;
  /** What a component asks for; the clock is not an option of the hook, but it is passed on. */
  const reads = (channel: string, more: object = {}): UseLatestOptions =>
    ({ url: 'http://feed.test', channel, share: false, clock, ...more }) as UseLatestOptions;
  return { platform, asked, publish, passes, reads, send };
}

const subjects = ({ latest }: { readonly latest: ReadonlyMap<string, unknown> }) => [...latest.keys()].sort();

test('components that read the same share one reader, and get the same map', async () => {
  const { asked, publish, passes, reads } = setUp();
  await publish('hosts', 'a', 1);
  await using page = latestPage();
  await page.render({ table: reads('hosts'), count: reads('hosts') });
  await passes(1_000);
  expect(asked).toEqual(['events hosts', 'stream hosts']);
  expect(subjects(page.shown('table'))).toEqual(['a']);
  expect(page.shown('count').latest).toBe(page.shown('table').latest);
  await page.render({ table: reads('hosts'), count: reads('hosts'), late: reads('hosts') });
  await publish('hosts', 'b', 2);
  await passes(1_000);
  expect(asked).toHaveLength(2);
  expect(subjects(page.shown('late'))).toEqual(['a', 'b']);
  // The one that has made the reader is gone: the others go on.
  await page.render({ late: reads('hosts') });
  await publish('hosts', 'c', 3);
  await passes(1_000);
  expect(asked).toHaveLength(2);
  expect(subjects(page.shown('late'))).toEqual(['a', 'b', 'c']);
});

test('a component renders once for a batch, and not while nothing changes', async () => {
  const { platform, publish, passes, reads } = setUp();
  await publish('hosts', 'a', 1);
  await using page = latestPage();
  await page.render({ table: reads('hosts') });
  await passes(1_000);
  const before = page.shown('table');
  const renders = page.renders('table');
  await platform.log.append({ events: [{ channel: 'hosts', type: 'message', data: '0' }], key: null });
  await passes(60_000);
  await page.render({ table: reads('hosts') });
  expect(page.shown('table')).toBe(before);
  const events = ['a', 'b', 'a'].map((subject) => ({
    ...{ channel: 'hosts', type: 'message', data: '7', attributes: { subject } },
  }));
  await platform.log.append({ events, key: null });
  await passes(1_000);
  expect(page.renders('table')).toBe(renders + 1);
});

test('when the last component is gone nothing is read, and one that comes later begins anew', async () => {
  const { platform, asked, publish, passes, reads } = setUp();
  await publish('hosts', 'a', 1);
  await using page = latestPage();
  await page.render({ table: reads('hosts') });
  await passes(1_000);
  await page.render({});
  await passes(100);
  const { length } = asked;
  await publish('hosts', 'b', 2);
  await passes(300_000);
  expect(asked).toHaveLength(length);
  expect(platform.clock.pending()).toBeLessThanOrEqual(5);
  await page.render({ table: reads('hosts') });
  await passes(1_000);
  expect(subjects(page.shown('table'))).toEqual(['a', 'b']);
});

test('another channel, and switching off and on', async () => {
  const { asked, publish, passes, reads } = setUp();
  await publish('hosts', 'a', 1);
  await publish('jobs', 'j', 1);
  await using page = latestPage();
  await page.render({ table: reads('hosts', { enabled: false }) });
  await passes(1_000);
  expect([asked.length, page.shown('table').latest.size]).toEqual([0, 0]);
  await page.render({ table: reads('hosts') });
  await passes(1_000);
  expect(subjects(page.shown('table'))).toEqual(['a']);
  await page.render({ table: reads('jobs') });
  await passes(1_000);
  expect(subjects(page.shown('table'))).toEqual(['j']);
});

test('components with a token or a `fetch` of their own read each for itself', async () => {
  const { asked, publish, passes, reads, send } = setUp();
  await publish('hosts', 'a', 1);
  await using page = latestPage();
  await page.render({ one: reads('hosts', { fetch: send }), two: reads('hosts', { fetch: send }) });
  await passes(1_000);
  expect(asked.filter((each) => each === 'events hosts')).toHaveLength(2);
});

test('a server renders `initial`, and sends no request', () => {
  const { asked } = setUp();
  const event = { id: '10-1', channel: 'hosts', type: 'message', subject: 'a', time: 10, data: 1 };
  const initial = { events: [event], cursor: '10-1~aaaaaa' };
  const Table = () => createElement('b', null, [...useLatest({ channel: 'hosts', initial }).latest.keys()]);
  expect(renderToString(createElement(Table))).toBe('<b>a</b>');
  expect(asked).toEqual([]);
});

test('the type of an event tells what its data is', () => {
  expectTypeOf<ReturnType<typeof useLatest<'machine'>>['latest']>().toEqualTypeOf<
    ReadonlyMap<string, EventOf<'machine'>>
  >();
});
