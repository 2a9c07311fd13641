import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { expect, test } from 'vitest';
import { recipesDocument as document, recipesFolder as folder } from '../support/docs/next-recipes.ts';
import { root } from '../support/root.ts';

const files = globSync('**/*.*', { cwd: folder });

/** The languages of the blocks of code, where they are not the ending of the file. */
const languages: Readonly<Record<string, string>> = { '.yml': 'yaml', '.sh': 'bash', '.py': 'python' };

function block(file: string): string {
  const ending = extname(file);
  const text = readFileSync(join(folder, file), 'utf8').trimEnd();
  return `\`\`\`${languages[ending] ?? ending.slice(1)}\n${text}\n\`\`\``;
}

const marks = /<!-- recipe: (\S+) -->\n[\s\S]*?<!-- \/recipe: \1 -->/g;

/** The document with the present code of each recipe. */
const fillIn = (text: string) =>
  text.replace(marks, (_, file) => `<!-- recipe: ${file} -->\n${block(file)}\n<!-- /recipe: ${file} -->`);

if (process.env.UPDATE_DOCS === '1') writeFileSync(document, fillIn(readFileSync(document, 'utf8')));

test('the document shows every file of the recipes as it is', () => {
  const text = readFileSync(document, 'utf8');
  expect([...text.matchAll(marks)].map(([, file]) => file).toSorted()).toEqual(files.toSorted());
  expect(text).toBe(fillIn(text));
});

test('whoever promises that a repeat stores nothing says for how long', () => {
  const programs = files.filter((file) => file.startsWith('publish.')).map((file) => join(folder, file));
  const promise = /nothing is stored twice|stores? nothing|stores (?:the|its) events? once/;
  for (const file of [join(root, 'README.md'), document, ...programs]) {
    const text = readFileSync(file, 'utf8').replace(/```[\s\S]*?```/g, '');
    const texts = text.split(/\n\s*\n|\n- |\n\| /);
    const promises = texts.filter((text) => promise.test(text));
    expect(promises.length, file).toBeGreaterThan(0);
    for (const each of promises) expect(each, file).toMatch(/24 h(?:ours)?/);
  }
});

test('a token goes into a variable without the lines that npm prints', () => {
  const texts = globSync(['README.md', 'docs/*.md', 'docs/recipes/**/*.*', 'scripts/**/*.{ts,md}'], {
    cwd: root,
  });
  const commands = texts.flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/npm run (?:--silent )?token --/g)].map(
      ([command]) => `${file}: ${command}`,
    ),
  );
  expect(commands.length).toBeGreaterThan(3);
  for (const command of commands) expect(command).toContain('npm run --silent token');
});

test('every link of the document leads to a chapter or a file', () => {
  const text = readFileSync(document, 'utf8');
  const chapters = [...text.matchAll(/^##+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
  const links = [...text.matchAll(/\]\((?!https?:)([^)]+)\)/g)].map(([, link = '']) => link);
  expect(links.length).toBeGreaterThan(10);
  for (const link of links) {
    if (link.startsWith('#')) expect(chapters).toContain(link.slice(1));
    else expect(globSync(link.replace(/#.*/, ''), { cwd: join(root, 'docs') }), link).toHaveLength(1);
  }
});
