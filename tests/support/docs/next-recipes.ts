import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventTypesWith } from '../declared-type.ts';
import { root } from '../root.ts';

/** The document of the recipes, and the folder of their files. */
export const recipesDocument = join(root, 'docs/recipes.md');
export const recipesFolder = join(root, 'docs/recipes');

/**
 * The files that the recipes add to the app, as its user copies them: path in the app → text. `lib/config/event-types.ts` has
 * the event types of the document.
 */
export function readNextRecipes(): Readonly<Record<string, string>> {
  const files = globSync('{app,lib,public}/**/*.*', { cwd: recipesFolder });
  const added = files.map((file) => [file, readFileSync(join(recipesFolder, file), 'utf8')] as const);
  const types = 'lib/config/event-types.ts';
  return { ...Object.fromEntries(added), [types]: eventTypesWith(eventTypeLines()) };
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

/** The lines that the document adds to `lib/config/event-types.ts`. */
function eventTypeLines(): string {
  const text = readFileSync(recipesDocument, 'utf8');
  const blocks = text.matchAll(/<!-- event type -->\n```ts\n([\s\S]*?)```/g);
  return [...blocks].map(([, lines]) => lines).join('');
}
