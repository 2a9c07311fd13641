import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { settingNames } from '../../lib/config/settings.ts';
import { forceMs } from '../../lib/server/node/process.ts';
import { planDeadline } from '../../lib/server/stream/deadline.ts';
import { cell, pairs, tableBelow, textBetweenMarks } from '../support/docs/markdown-table.ts';
import { plain } from '../support/docs/protocol-doc.ts';
import { root } from '../support/root.ts';

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const doc = read('docs/deploy.md');

describe('docs/deploy.md', () => {
  test('says of every setting where to set it, and names no other', () => {
    const named = tableBelow(doc, 'Every variable').map((row) => plain(cell(row, 'variable')));
    const ofTheFramework = ['NODE_ENV', 'VERCEL'];
    expect([...named, ...ofTheFramework].sort()).toEqual(settingNames().toSorted());
    for (const name of ofTheFramework) expect(doc).toContain(`\`${name}\``);
  });

  test('counts the new streams that a reader needs under each limit of the platform', () => {
    const counts = pairs(
      tableBelow(doc, 'How long a request may take'),
      'limit, in s',
      'new streams per reader and hour',
    );
    expect([...counts.keys()]).toEqual(['300', '800', '1,800']);
    for (const [limit, count] of counts) {
      // The jitter is half of its range on average.
      const { handoverInMs } = planDeadline(Number(limit.replace(',', '')), 0.5);
      expect(Math.round(3_600_000 / handoverInMs)).toBe(Number(count));
    }
  });

  test('computes the commands of a month from those of an hour in the README', () => {
    const [, most] = /(\d+) commands an hour, about 50,000 a month/.exec(doc) ?? [];
    expect(read('README.md')).toContain(`54 to ${most} commands an hour`);
    expect(Math.round((Number(most) * 24 * 30.4) / 10_000) * 10_000).toBe(50_000);
  });

  test('gives the process of its systemd unit more time to stop than it needs', () => {
    const unit = textBetweenMarks(doc, 'systemd');
    expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1]) * 1_000).toBeGreaterThan(forceMs);
    expect(Number(/^ +stop_grace_period: (\d+)s$/m.exec(read('compose.yaml'))?.[1]) * 1_000).toBeGreaterThan(
      forceMs,
    );
  });

  test('lets compose.yaml pass on every setting but those of the image and of the framework', () => {
    const passed = [...read('compose.yaml').matchAll(/^ {6}([A-Z_]+): \$\{\1:/gm)].map(([, name]) => name);
    const fixed = ['FEED_DB', 'NODE_ENV', 'VERCEL'];
    expect([...passed, ...fixed].sort()).toEqual(settingNames().toSorted());
  });

  test.each(['docs/deploy.md', 'docs/operations.md'])('%s names only files that exist', (file) => {
    const named = [...read(file).matchAll(/`((?:app|lib|tests|docs)\/[\w./-]+\.\w+)`/g)].map(
      ([, path]) => path,
    );
    for (const path of named) expect(existsSync(join(root, path ?? '')), path).toBe(true);
  });
});

describe('the Deploy button of the README', () => {
  const [, address = ''] = /\]\((https:\/\/vercel\.com\/new\/clone\?[^)]+)\)/.exec(read('README.md')) ?? [];
  const given = (name: string) => new URL(address).searchParams.get(name) ?? '';

  test('asks for the two secrets, and describes them', () => {
    const asked = given('env').split(',');
    expect(asked).toEqual(['PUBLISH_TOKEN', 'READ_TOKEN_SECRET']);
    for (const name of asked) {
      expect(settingNames()).toContain(name);
      expect(given('envDescription')).toContain(name);
    }
    expect(JSON.parse(given('stores'))).toMatchObject([{ integrationSlug: 'upstash' }]);
  });

  test('has all four parts of the card, without which Vercel shows none, and its files exist', () => {
    // https://vercel.com/docs/deploy-button/demo
    for (const part of ['demo-title', 'demo-description', 'demo-url', 'demo-image'])
      expect(given(part), part).not.toBe('');
    const own = [given('envLink'), given('demo-image')].map((url) => /\/main\/(.+)$/.exec(url)?.[1] ?? '');
    for (const path of own) expect(existsSync(join(root, path)), path).toBe(true);
  });
});
