import type { Mutant } from './mutants.ts';

/** The text of a file with a guard broken. @throws Error when what is to be broken does not stand in it exactly once. */
export function breakGuard(text: string, { name, file, find, replace }: Mutant): string {
  const times = text.split(find).length - 1;
  if (times !== 1) throw new Error(`${name}: ${file} holds ${times} of what is to be broken, not one`);
  return text.replace(find, () => replace);
}
