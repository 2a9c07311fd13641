/**
 * What can drive a terminal, or hide or turn round text in it: controls, C1 too; the format characters of Unicode, among
 * them all marks of direction and the tags nobody sees; the separators of lines and paragraphs.
 */
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** One line of text with all escaped that could act where it is printed, line feeds too. JSON stays the same JSON. */
export function harmless(line: string): string {
  return line.replace(unsafe, (found) =>
    found
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
