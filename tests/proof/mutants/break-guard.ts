import type { Mutant } from './mutants.ts';

/** Returns the text with the guard broken. @throws Error if the text to replace is not in the file exactly once. */
export function breakGuard(text: string, { name, file, find, replace }: Mutant): string {
  const times = text.split(find).length - 1;
  if (times !== 1) throw new Error(`${name}: ${file} has the text to replace ${times} times instead of once`);
  return text.replace(find, () => replace);
}
