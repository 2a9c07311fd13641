import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { choiceFor, filesIn } from '../../../scripts/new/copied-files.ts';
import { mainRoads, slowSuites, testsIn, timedTests } from '../../run/suites.ts';
import { root } from '../../support/root.ts';
import { templateScripts } from '../../support/scripts/template-scripts.ts';

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

// What only the template itself must keep whole: `npm test` does not judge it, because an app made from it may differ.
describe('the template', () => {
  test('says of each of its files whether a new app has it', () => {
    const open = filesIn(root).filter((file) => choiceFor(file) === null);
    expect(open, 'say it in scripts/new/copied-files.ts').toEqual([]);
    expect(choiceFor('laboratory/new.ts')).toBeNull();
    expect(choiceFor('tests/laboratory/new.test.ts')).toBeNull();
  });

  test('gives a reason for each of its packages', () => {
    const text = readFileSync(join(root, 'docs/dependencies.md'), 'utf8');
    const listed = [...text.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name);
    const packages = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
    expect(listed.toSorted()).toEqual(packages.toSorted());
  });

  test('tests each of its scripts', () => {
    expect(templateScripts.toSorted()).toEqual(Object.keys(manifest.scripts).toSorted());
  });

  test('has each test that the lists of slow tests name', () => {
    const slow = globSync(testsIn(Object.values(slowSuites).flat()), { cwd: root });
    expect([...mainRoads, ...timedTests].filter((file) => !slow.includes(file))).toEqual([]);
    expect(mainRoads.length).toBeLessThan(slow.length);
  });
});
