import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { defaultSettings } from '../../../lib/config/client-timing.ts';
import { readSettings } from '../../../lib/config/settings.ts';
import { FeedError } from '../../../lib/core/feed-error.ts';
import { createAdmission } from '../../../lib/server/admission.ts';
import { pollAdvice } from '../../../lib/server/http/page.ts';
import { planDeadline } from '../../../lib/server/stream/deadline.ts';
import { root } from '../../support/root.ts';
import { endScripts, runScript } from '../../support/scripts/script-process.ts';
import { costOf } from './cost.ts';
import { givenValues, readScaleOptions } from './scale-options.ts';
import { dollarText, roundText, tablesOf } from './tables.ts';
import { streams } from './ways.ts';

afterEach(endScripts);

const doc = readFileSync(join(root, 'docs/scale.md'), 'utf8');
describe('docs/scale.md', () => {
  test.each(tablesOf(givenValues))('has the table "$name" as the model prints it', ({ name, text }) => {
    const written = new RegExp(`<!-- ${name} -->\n([\\s\\S]*?)\n?<!-- /${name} -->`).exec(doc)?.[1];
    expect(written, 'print it with: npm run proof:cost').toBe(text);
  });

  test('has each table of the model once, and no other marker', () => {
    const marked = [...doc.matchAll(/<!-- (\w+) -->/g)].map(([, name]) => name);
    expect(marked).toEqual(tablesOf(givenValues).map(({ name }) => name));
    for (const { text } of tablesOf(givenValues)) expect(doc.split(text)).toHaveLength(2);
  });

  test('is linked in the README and names its command', () => {
    expect(readFileSync(join(root, 'README.md'), 'utf8')).toContain('docs/scale.md');
    expect(doc).toContain('npm run proof:cost');
  });
});

test('docs/deploy.md has the cost of few and many readers as the model computes it', () => {
  const written = readFileSync(join(root, 'docs/deploy.md'), 'utf8');
  for (const readers of [1, 10, 1_000]) {
    const load = streams.load(givenValues, { channels: 1, eventRate: 1, readers });
    const { platform, redis } = costOf(givenValues, load);
    const commands = roundText(load.redisCommandsPerSecond * 730 * 3_600);
    const cells = [readers.toLocaleString('en-US'), dollarText(platform), dollarText(redis), commands];
    expect(written).toContain(`| ${cells.join(' | ')} |`);
  }
});

describe('the constants from the code', () => {
  test('are the defaults of the settings', () => {
    const settings = readSettings({});
    expect(givenValues.streamsPerProcess).toBe(settings.streamMaxConnections);
    expect(givenValues.heartbeatSeconds * 1_000).toBe(defaultSettings.heartbeatMs);
    expect(givenValues.pollSeconds * 1_000).toBe(pollAdvice('short').everyMs);
    expect(givenValues.checksPerHour).toBe(Math.round(3_600_000 / (settings.tailCheckMs * 0.9)));
  });

  test('include the average duration of a stream', () => {
    // The template's limit. An app with another one gives it to the command: --stream-seconds.
    expect(givenValues.streamSeconds * 1_000).toBe(planDeadline(300, 0.5).handoverInMs);
  });

  test('include how much one process may hold', () => {
    const settings = { ...readSettings({}), streamMaxConnections: 10_000, isVercel: true };
    const admission = createAdmission(settings, { has: () => true, count: () => 1, endIdle: () => false });
    const request = new Request('http://feed.test/');
    for (let streams = 1; streams < givenValues.openPerProcess; streams += 1) admission.takeSlot(request, []);
    expect(() => admission.takeSlot(request, [])).toThrow(FeedError);
  });
});

describe('npm run proof:cost', () => {
  test('prints every table', async () => {
    const script = runScript('tests/proof/cost-model.ts', []);
    expect(await script.code).toBe(0);
    for (const { title, text } of tablesOf(givenValues))
      expect(script.out()).toContain(`${title}\n\n${text}\n`);
  });

  test('accepts an option for each constant', () => {
    const options = readScaleOptions(['--redis-dollars-per-100k-commands', '0.4', '--base-mb=1']);
    expect(options).toEqual({
      kind: 'print',
      values: { ...givenValues, redisDollarsPer100kCommands: 0.4, baseMB: 1 },
    });
    const [table] = tablesOf({ ...givenValues, streamsPerProcess: 100 });
    expect(table?.text).toContain('| 100 | STREAM_MAX_CONNECTIONS |');
  });

  test.each([['--regions', 'x'], ['--regions', '-1'], ['--no-such'], ['word']])(
    'refuses %s %s',
    (...args) => {
      expect(() => readScaleOptions(args.filter((arg) => arg !== undefined))).toThrow(FeedError);
    },
  );
});

test.each([
  [0, '0'],
  [0.4, '< 1'],
  [4.94, '4.9'],
  [67, '67'],
  [99.6, '100'],
  [1_250, '1,300'],
  [96_000_123, '96,000,000'],
])('%d is rounded to %s', (value, text) => {
  expect(roundText(value)).toBe(text);
});

test('money is shown in whole dollars', () => {
  expect([0, 0.2, 15.4, 2_049].map(dollarText)).toEqual(['$0', '< $1', '$15', '$2,000']);
});
