import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventTypesWith } from '../declared-type.ts';
import { root } from '../root.ts';
import { sessionExample } from './session-example.ts';

/** The document of the recipes, and the folder of their files. */
export const recipesDocument = join(root, 'docs/recipes.md');
export const recipesFolder = join(root, 'docs/recipes');

/**
 * The files that the recipes add to the app, as its user copies them: path in the app → text. `lib/config/event-types.ts` has
 * the event types of the document, and `lib/config/channels.ts` its rules of channels.
 */
export function readNextRecipes(): Readonly<Record<string, string>> {
  const files = globSync('{app,lib,public}/**/*.*', { cwd: recipesFolder });
  const added = files.map((file) => [file, readFileSync(join(recipesFolder, file), 'utf8')] as const);
  const types = 'lib/config/event-types.ts';
  const rules = 'lib/config/channels.ts';
  const channels = readFileSync(join(root, rules), 'utf8').replace(
    ' = [\n',
    () => ` = [\n${linesOf('channel rule')}`,
  );
  return { ...Object.fromEntries(added), [types]: eventTypesWith(linesOf('event type')), [rules]: channels };
}

/**
 * The files of the job that only its user sees, as the reader of the document has them: path in the app → text. They need the files
 * of `sessionExample()`.
 */
export function readPrivateJob(): Readonly<Record<string, string>> {
  const folder = join(recipesFolder, 'private');
  const replaced = globSync('**/*.*', { cwd: folder });
  const ofJob = Object.entries(readNextRecipes()).filter(([path]) => /job|import|event-types/.test(path));
  return {
    ...Object.fromEntries(ofJob),
    ...Object.fromEntries(replaced.map((file) => [file, readFileSync(join(folder, file), 'utf8')])),
  };
}

/** The files of the chat with a language model, as the reader of the document has them: path in the app → text. */
export function readChatRecipe(): Readonly<Record<string, string>> {
  const folder = join(recipesFolder, 'chat');
  const files = globSync('**/*.*', { cwd: folder });
  const ofLists = Object.entries(readNextRecipes()).filter(([path]) => path.startsWith('lib/config/'));
  return {
    ...Object.fromEntries(ofLists),
    ...Object.fromEntries(files.map((file) => [file, readFileSync(join(folder, file), 'utf8')])),
  };
}

/**
 * The files of the chat that only its user sees, as the reader of the document has them beside those of `readChatRecipe()`: path in
 * the app → text.
 */
export function readPrivateChat(): Readonly<Record<string, string>> {
  const folder = join(recipesFolder, 'private-chat');
  // The steps of the sessions that the document names: no event type, and no page that shows events.
  const ofSessions = Object.entries(sessionExample()).filter(([path]) =>
    /^(lib\/(session|config\/access)\.ts$|app\/sign-)/.test(path),
  );
  const replaced = globSync('**/*.*', { cwd: folder });
  return {
    ...Object.fromEntries(ofSessions),
    ...Object.fromEntries(replaced.map((file) => [file, readFileSync(join(folder, file), 'utf8')])),
  };
}

/** The lines that the document adds to a list of `lib/config`. */
function linesOf(list: 'event type' | 'channel rule'): string {
  const text = readFileSync(recipesDocument, 'utf8');
  const blocks = text.matchAll(new RegExp(`<!-- ${list} -->\n\`\`\`ts\n([\\s\\S]*?)\`\`\``, 'g'));
  return [...blocks].map(([, lines]) => lines).join('');
}
