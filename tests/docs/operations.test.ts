import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readSettings } from '../../lib/config/settings.ts';
import { createChannelRules, ruleRanges } from '../../lib/log/channel-rules.ts';
import { defaultRules } from '../../lib/log/event-log.ts';
import { healthRoute } from '../../lib/server/http/health-route.ts';
import type { StreamEndReason } from '../../lib/server/stream/event-stream.ts';
import { cell, codeIn, type Row, rowsOf, textBetweenMarks } from '../support/docs/markdown-table.ts';
import { root } from '../support/root.ts';
import { makeStand } from '../support/server/stand.ts';

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const doc = read('docs/operations.md');
const tableOf = (name: string) => rowsOf(textBetweenMarks(doc, name));
const firstCode = (row: Row, column: string) => codeIn(cell(row, column))[0] ?? '';

/** The names of all values in an object: `log.kind` for one in an object of it. */
function pathsIn(value: object, before = ''): string[] {
  return Object.entries(value).flatMap(([name, inner]) =>
    typeof inner === 'object' && inner !== null ? pathsIn(inner, `${before}${name}.`) : [`${before}${name}`],
  );
}

describe('docs/operations.md', () => {
  test('explains every field of the health check, and no other', async () => {
    const { runtime } = makeStand();
    const answer = await healthRoute(() => runtime)(new Request('http://localhost/api/health'));
    const fields = pathsIn(await answer.json());
    expect(tableOf('health').map((row) => firstCode(row, 'field'))).toEqual(fields);
  });

  test('explains every status that the page can show, and no other', () => {
    const page = read('app/_feed/status-bar.tsx');
    const labels = [...page.matchAll(/label: '([^']+)'/g)].map(([, label = '']) => label);
    const shown = tableOf('states').map((row) => firstCode(row, 'the page says'));
    expect(new Set(shown)).toEqual(new Set(labels));
    expect(shown).toHaveLength(new Set(shown).size);
  });

  const sources = globSync(
    ['{app,lib}/**/*.{ts,tsx,mjs}', 'instrumentation.ts', 'proxy.ts', 'next.config.mjs'],
    { cwd: root },
  );

  test('explains every line that the server can print, and no other', () => {
    const printed = sources.flatMap((file) =>
      [...read(file).matchAll(/printLine\(\s*(?:level|'(\w+)'),\s*'([\w-]+)'/g)].map(
        ([, level, event = '']) => [event, level, file] as const,
      ),
    );
    const rows = tableOf('lines');
    expect(rows.map((row) => [firstCode(row, 'event'), firstCode(row, 'printed by')]).sort()).toEqual(
      printed.map(([event, , file]) => [event, file]).sort(),
    );
    for (const [event, level] of printed) {
      const row = rows.find((each) => firstCode(each, 'event') === event) ?? {};
      if (level !== undefined) expect(codeIn(cell(row, 'level'))).toEqual([level]);
    }
  });

  test('says which files print a line without the others, and no other file does', () => {
    const printing = sources.filter((file) =>
      /^(?! *(?:\*|\/\/)).*\bconsole\.\w+\(|process\.std(?:out|err)\.write/m.test(read(file)),
    );
    const named = [...doc.matchAll(/`steadfeed: ([^`]+)`[\s(]+`([^`]+)`:/g)];
    expect([...named.map(([, , file = '']) => file), 'lib/server/log-line.ts'].sort()).toEqual(
      printing.sort(),
    );
    for (const [, text = '', file = ''] of named) expect(read(file)).toContain(text);
  });

  test('explains every reason for which a stream can end, and no other', () => {
    const reasons: Record<StreamEndReason, true> = {
      deadline: true,
      token: true,
      quiet: true,
      stopping: true,
      left: true,
      stalled: true,
      'log-unavailable': true,
      ended: true,
      gap: true,
    };
    expect(tableOf('ends').map((row) => firstCode(row, 'reason'))).toEqual(Object.keys(reasons));
  });

  test('has one row for each reason that the log can give for its failure', () => {
    const sources = globSync('lib/log/{redis,sqlite}/*.ts', { cwd: root });
    const reasons = sources.flatMap((file) => {
      const text = read(file);
      const thrown = [...text.matchAll(/unavailable\(\s*'([^']+)'/g)];
      const listed = [
        ...text.matchAll(/^ {4}message:\s*'([^']+)'/gm),
        ...text.matchAll(/^ {2}\d+: '([^']+)'/gm),
      ];
      const named = [...text.matchAll(/^const \w+Reason =\s*['`]([^'`]+)['`]/gm)];
      const redis = file.startsWith('lib/log/redis/') ? 'Redis ' : '';
      return [...thrown, ...listed, ...named].map(([, reason = '']) => redis + reason);
    });
    expect(reasons.length).toBeGreaterThan(25);
    const rows = tableOf('failures').map((row) => firstCode(row, 'detail'));
    for (const reason of reasons) {
      expect(
        rows.filter((row) => reason.startsWith(row)),
        reason,
      ).toHaveLength(1);
    }
    for (const row of rows)
      expect(
        reasons.some((reason) => reason.startsWith(row)),
        row,
      ).toBe(true);
  });

  test('expects no less memory of a reader than was measured', () => {
    const [, expected] = /more than about (\d+) KB for each further reader/.exec(doc) ?? [];
    const [, measured] =
      /^\| memory per reader \| Steadfeed \| ([\d.]+) KB/m.exec(read('docs/performance.md')) ?? [];
    expect(Number(expected)).toBeGreaterThanOrEqual(Number(measured));
    expect(Number(expected)).toBeLessThan(Number(measured) * 1.25);
  });
});

describe('what a channel keeps', () => {
  const rows = tableOf('channel rules');
  const asNumber = (text: string) => Number(text.replaceAll(',', ''));

  test('has every rule of lib/config/channels.ts with its range, and no other', () => {
    const ranges = rows.map((row) => [
      firstCode(row, 'rule'),
      [asNumber(cell(row, 'least')), asNumber(cell(row, 'most'))],
    ]);
    expect(Object.fromEntries(ranges)).toEqual(ruleRanges);
    expect(ranges).toHaveLength(Object.keys(ruleRanges).length);
  });

  test('has the default of each rule', () => {
    const defaults: Readonly<Record<string, number | null>> = defaultRules(readSettings({}).retention);
    for (const row of rows) {
      const value = defaults[firstCode(row, 'rule')];
      const text = cell(row, 'default');
      if (value === null) expect(['no limit', 'never']).toContain(text);
      else expect(text).toMatch(new RegExp(`(^|\\()${value?.toLocaleString('en')}\\)?$`));
    }
  });

  test('has an example that the server accepts, in which the first line that fits decides', () => {
    const [, code = ''] = /```ts\n([\s\S]*?)```/.exec(textBetweenMarks(doc, 'channel lines')) ?? [];
    const lines = [...code.matchAll(/^ {2}\{ channels: '([^']+)', (.*) \},$/gm)].map(
      ([, channels = '', rules = '']) => ({
        channels,
        ...Object.fromEntries(
          [...rules.matchAll(/(\w+): ([\d_ *]+)/g)].map(([, name, figures = '']) => [
            name,
            figures.split('*').reduce((product, part) => product * Number(part.replaceAll('_', '')), 1),
          ]),
        ),
      }),
    );
    expect(lines).toHaveLength(code.trim().split('\n').length);
    const rulesOf = createChannelRules(lines, 10_000);
    expect(rulesOf('job.7')).toEqual({ ...defaultRules(10_000), expireAfterEndSeconds: 3_600 });
    expect(rulesOf('user.7.inbox').retentionSeconds).toBe(2_592_000);
    expect(rulesOf('feed').retentionEvents).toBe(5_000);
  });
});
