import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, test } from 'vitest';
import { chooseLayout } from '../../../app/_feed/event-data.tsx';
import { RenderedData } from '../../../app/_feed/event-row.tsx';
import { describeGap, formatDuration } from '../../../app/_feed/format.ts';
import { formatIso, formatLocalTime, formatUtcTime } from '../../../app/_feed/time.tsx';
import type { Gap } from '../../../lib/core/continuity.ts';

const gap: Gap = {
  channel: 'feed',
  reason: 'trimmed',
  missed: 17,
  exact: true,
  after: '5-5',
  resumesAt: '23-23',
};

describe('a gap is described', () => {
  test.each([
    [{}, '17 events are gone (the log keeps the last 10,000).'],
    [{ missed: 1 }, '1 event is gone (the log keeps the last 10,000).'],
    [{ exact: false }, 'Up to 17 events are gone (the log keeps the last 10,000).'],
    [{ missed: null }, 'Some events are gone (the log keeps the last 10,000).'],
    [{ reason: 'restarted' }, 'The log was restarted here. Earlier events may be missing.'],
  ] as const)('correctly with %j', (part, words) => {
    expect(describeGap({ ...gap, ...part }, 10_000)).toBe(words);
  });
});

describe('data is shown', () => {
  test.each([
    ['text', 'text'],
    ['x'.repeat(601), 'long text'],
    ['line\n'.repeat(20), 'long text'],
    [{ a: null, b: false, c: '1' }, 'pairs'],
    [{ a: 'x'.repeat(121) }, 'long json'],
    [{}, 'short json'],
    [null, 'short json'],
    [undefined, 'short json'],
    [{ a: { b: 'x'.repeat(100) } }, 'long json'],
  ])('%j as %s', (data, kind) => {
    expect(chooseLayout(data).kind).toBe(kind);
  });

  test('with a symbol for each character that a page cannot show', () => {
    const text = 'a\u0000b\u001b\r\nc\rd\te\ud800\u0085';
    expect(chooseLayout(text)).toEqual({ kind: 'text', text: 'a␀b␛\nc␍d\te\ufffd\u0085' });
    expect(chooseLayout({ a: '\u0000' })).toEqual({ kind: 'pairs', pairs: [['a', '␀']] });
  });

  test('without indentation if it is nested deeply, because the indentation would not fit in memory', () => {
    const depth = 2_000;
    const json = `${'['.repeat(depth)}${']'.repeat(depth)}`;
    expect(chooseLayout(JSON.parse(json))).toMatchObject({ kind: 'long json', text: json });
  });

  test('even if it is nested too deeply for JSON.stringify', () => {
    let data: unknown = 0;
    for (let depth = 0; depth < 200_000; depth += 1) data = [data];
    expect(chooseLayout(data).kind).toBe('text');
  });
});

describe('an event is rendered', () => {
  const figures = {
    load: 1,
    memoryUsedPercent: 2,
    diskUsedPercent: 3,
    uptimeSeconds: 4,
    eventLoopDelayMs: 5,
  };
  const render = (type: string, data: unknown) =>
    renderToStaticMarkup(
      createElement(RenderedData, { event: { id: '1-1', channel: 'feed', time: 1, type, data } }),
    );

  test('by the component of its type', () => {
    expect(render('machine', figures)).toContain('>loop</dt>');
  });

  test.each([
    ['message', figures],
    ['constructor', figures],
    ['machine', { ...figures, load: 'high' }],
  ])('by the shape of its data if its type is %s and its data %j', (type, data) => {
    expect(render(type, data)).toContain('>eventLoopDelayMs</dt>');
  });

  test.each([[null], ['off'], [[1]], [undefined]])('whatever the data of a machine event is: %j', (data) => {
    expect(render('machine', data)).toBe(render('message', data));
  });
});

test('a duration is shown in its two largest units', () => {
  expect([5, 65, 3_700, 273_000].map(formatDuration)).toEqual(['5 s', '1 min 5 s', '1 h 1 min', '3 d 3 h']);
});

test('a time is shown in UTC to the second or ms, and a time out of range breaks nothing', () => {
  expect(formatIso(1_763_841_234_567)).toBe('2025-11-22T19:53:54.567Z');
  for (const time of [Number.NaN, 1e300, -1e300])
    expect([formatUtcTime(time), formatLocalTime(time)]).toBeDefined();
});
