/*
 * Text that somebody else wrote, made safe to show in an error, a log or a terminal.
 */

/** Shortens a text to 80 characters, so that a long input cannot flood an answer or a log line. */
export function excerpt(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/**
 * Escapes every character of a line that can control a terminal or hide text, line feeds too, as `\uXXXX`. JSON stays
 * the same JSON.
 */
export function escapeControlCharacters(line: string): string {
  return line.replace(controlCharacters, escapeUnits);
}

/**
 * Escapes the line ends that JSON leaves in its strings: U+0085, U+2028 and U+2029. Readers in some languages end a line
 * there, for example Python's `str.splitlines`. The JSON stays the same JSON.
 */
export function escapeLineEnds(json: string): string {
  return json.replace(/[\u0085\u2028\u2029]/g, escapeUnits);
}

function escapeUnits(found: string): string {
  return found
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}

/**
 * Control characters (Cc, with C1), format characters (Cf, with all marks of text direction and the invisible tags), and
 * the separators of lines and paragraphs (Zl, Zp).
 */
const controlCharacters = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
