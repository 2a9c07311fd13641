import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { version } from '../../lib/core/sse-frames.ts';
import { textBetweenMarks } from '../support/docs/markdown-table.ts';
import { readYaml, valueAt, type Yaml } from '../support/docs/yaml.ts';
import { root } from '../support/root.ts';

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const { engines, scripts } = JSON.parse(read('package.json')) as {
  readonly engines: { readonly node: string };
  readonly scripts: Readonly<Record<string, string>>;
};
const major = engines.node.replace('.x', '');

/** The texts of all values with this name, at any depth. */
function textsOf(yaml: Yaml, name: string): string[] {
  if (typeof yaml === 'string') return [];
  return Object.entries(yaml).flatMap(([key, value]) =>
    key === name && typeof value === 'string' ? [value] : textsOf(value, name),
  );
}

describe('the reader of YAML', () => {
  test('reads maps, lists, lists of maps, and scalars', () => {
    const text = 'a: 1\nb:\n  - c: "x: y"\n    d: [e, "f"]\n  - plain text\n# comment\ng:\n  h:\n';
    expect(readYaml(text)).toEqual({ a: '1', b: [{ c: 'x: y', d: ['e', 'f'] }, 'plain text'], g: { h: '' } });
  });

  test.each([
    'a: b: c',
    'a: 1\na: 2',
    'a:\n  - b\n c: 1',
    'a: |\n  text',
    'a: "b',
    '\ta: 1',
    '- a\nb: 1',
    'a: b # c',
  ])('refuses %j', (text) => {
    expect(() => readYaml(text)).toThrow();
  });
});

describe('the files of the repository', () => {
  const yamlFiles = [
    ...globSync('.github/**/*.yml', { cwd: root }),
    ...globSync('compose*.yaml', { cwd: root }),
  ];

  test.each(yamlFiles)('%s can be read', (file) => {
    expect(readYaml(read(file))).toBeInstanceOf(Object);
  });

  test('the workflow runs .ci/run with the Node of the project, as root on Debian, where tests install their programs', () => {
    const workflow = readYaml(read('.github/workflows/ci.yml'));
    expect(textsOf(workflow, 'run')).toContain('bash .ci/run');
    expect(existsSync(join(root, '.ci/run'))).toBe(true);
    expect(valueAt(workflow, 'jobs.test.container.image')).toBe(`node:${major}-bookworm`);
    expect(Object.keys(valueAt(workflow, 'on'))).toEqual(['push', 'pull_request']);
    expect(valueAt(workflow, 'permissions')).toEqual({ contents: 'read' });
  });

  test('the nightly workflow runs .ci/nightly in the same container', () => {
    const workflow = readYaml(read('.github/workflows/nightly.yml'));
    expect(textsOf(workflow, 'run')).toContain('bash .ci/nightly');
    expect(existsSync(join(root, '.ci/nightly'))).toBe(true);
    expect(valueAt(workflow, 'jobs.test.container.image')).toBe(`node:${major}-bookworm`);
    expect(Object.keys(valueAt(workflow, 'on'))).toEqual(['schedule', 'workflow_dispatch']);
  });

  test('the image has the Node of the project', () => {
    const bases = [...read('Dockerfile').matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
    expect(new Set(bases)).toEqual(new Set([`node:${major}-slim`]));
  });

  test('compose.yaml builds the Dockerfile, and keeps the folder of its events', () => {
    const compose = readYaml(read('compose.yaml'));
    const app = valueAt(compose, 'services.app') as { readonly [name: string]: Yaml };
    expect(app.build).toBe('.');
    const [, volume] = /^VOLUME (\S+)$/m.exec(read('Dockerfile')) ?? [];
    expect(app.volumes).toEqual([`feed:${volume}`]);
    expect(valueAt(compose, 'volumes')).toEqual({ feed: '' });
    const [, port] = /^EXPOSE (\d+)$/m.exec(read('Dockerfile')) ?? [];
    expect(app.ports).toEqual([`${port}:${port}`]);
  });

  test('compose.three.yaml starts the processes that its nginx passes to', () => {
    const compose = readYaml(read('compose.three.yaml'));
    const names = ['app-1', 'app-2', 'app-3'];
    expect(valueAt(compose, 'services.app-1.build')).toBe('.');
    for (const name of names.slice(1))
      expect(valueAt(compose, `services.${name}.extends.service`)).toBe(names[0]);
    const [, port] = /^EXPOSE (\d+)$/m.exec(read('Dockerfile')) ?? [];
    const addresses = names.map((name) => valueAt(compose, `services.${name}.networks.feed.ipv4_address`));
    const passedTo = [...read('compose.three.nginx.conf').matchAll(/^ *server (\S+) max_fails=0;$/gm)];
    expect(passedTo.map(([, server]) => server)).toEqual(addresses.map((address) => `${address}:${port}`));
    expect(valueAt(compose, 'services.nginx.depends_on')).toEqual(names);
    expect(valueAt(compose, 'services.nginx.volumes')).toEqual([
      './compose.three.nginx.conf:/etc/nginx/nginx.conf:ro',
    ]);
  });

  test('the nginx of compose.three.yaml is that of docs/deploy.md, but for its addresses, HTTPS and time to connect', () => {
    const own = /^(?:```|server 1|listen|server_name|ssl_|proxy_connect_timeout|# A container)/;
    const lines = (text: string) =>
      text
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== '' && !own.test(line));
    const documented = lines(textBetweenMarks(read('docs/deploy.md'), 'nginx'));
    const composed = lines(read('compose.three.nginx.conf'));
    expect(composed.slice(composed.indexOf('upstream steadfeed {'), -1)).toEqual(documented);
  });

  test.each(globSync('.github/ISSUE_TEMPLATE/{bug,idea}.yml', { cwd: root }))(
    '%s has what GitHub asks of an issue form',
    (file) => {
      // https://docs.github.com/en/communities/using-templates-to-encourage-useful-issues-and-pull-requests/syntax-for-issue-forms
      const form = readYaml(read(file)) as { readonly [name: string]: Yaml };
      expect(form).toMatchObject({ name: expect.any(String), description: expect.any(String) });
      const fields = form.body as readonly { readonly [name: string]: Yaml }[];
      const ids = fields.map(({ id }) => id);
      expect(new Set(ids).size).toBe(fields.length);
      for (const field of fields) {
        expect(['textarea', 'input', 'dropdown']).toContain(field.type);
        expect(valueAt(field, 'attributes.label')).not.toBe('');
        if (field.type === 'dropdown') expect(valueAt(field, 'attributes.options').length).toBeGreaterThan(1);
      }
    },
  );

  test('dependabot watches the packages, the image and the actions, and every group has its patterns', () => {
    const updates = valueAt(readYaml(read('.github/dependabot.yml')), 'updates') as readonly Yaml[];
    expect(updates.map((update) => valueAt(update, 'package-ecosystem'))).toEqual([
      'npm',
      'docker',
      'github-actions',
    ]);
    expect(valueAt(updates[0] ?? '', 'groups.packages.patterns')).toEqual(['*']);
  });
});

describe('AGENTS.md and CONTRIBUTING.md', () => {
  const files = ['AGENTS.md', 'CONTRIBUTING.md'];

  test.each(files)('%s names only commands that exist', (file) => {
    const named = [...read(file).matchAll(/(?:`|^ {4})npm (?:run )?([\w:]+)/gm)].map(([, name = '']) => name);
    expect(named.length).toBeGreaterThan(2);
    for (const name of named) if (name !== 'install') expect(scripts[name], name).toBeDefined();
  });

  test.each(files)('%s names only files that exist', (file) => {
    const code = [...read(file).matchAll(/`((?:\.?[\w-]+\/)+[\w.-]*|[A-Z]+\.md|[\w.]+\.(?:mjs|json))`/g)];
    const links = [...read(file).matchAll(/\]\(([\w./-]+)/g)];
    for (const [, path = ''] of [...code, ...links]) expect(existsSync(join(root, path)), path).toBe(true);
  });

  test('CLAUDE.md is AGENTS.md', () => {
    expect(read('CLAUDE.md')).toBe('@AGENTS.md\n');
  });

  test('AGENTS.md explains the marks of what a copy leaves out in pairs', () => {
    const marks = [...read('AGENTS.md').matchAll(/^<!-- (\/?)template only -->$/gm)].map(([, end]) => end);
    expect(marks).toEqual(['', '/']);
  });
});

describe('CHANGELOG.md', () => {
  const headings = [...read('CHANGELOG.md').matchAll(/^## (.+)$/gm)].map(([, text = '']) => text);

  test('has the entries of the next release, then one heading for each version, the newest first', () => {
    expect(headings[0]).toBe('[Unreleased]');
    expect(headings[1]).toMatch(new RegExp(`^\\[${version.replaceAll('.', '\\.')}\\]`));
    for (const heading of headings.slice(1))
      expect(heading).toMatch(/^\[\d+\.\d+\.\d+\]( - \d{4}-\d\d-\d\d)?$/);
  });

  test('sorts the entries under the headings of Keep a Changelog', () => {
    const kinds = [...read('CHANGELOG.md').matchAll(/^### (.+)$/gm)].map(([, kind]) => kind);
    const known = ['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security'];
    for (const kind of kinds) expect(known).toContain(kind);
    for (const heading of headings)
      expect(read('CHANGELOG.md')).toContain(`\n${heading.slice(0, heading.indexOf(']') + 1)}: https://`);
  });
});
