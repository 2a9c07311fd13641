/** C0 controls but tab and line feed, and delete. */
const controls = /[^\P{Cc}\t\n\u0080-\u009f]/gu;

/**
 * Text as it can be shown: what no page can hold is made visible. A browser drops NUL, replaces half a surrogate pair
 * and rewrites carriage returns when it reads a page, so that server and browser would disagree on the same event.
 */
export function printable(text: string): string {
  return text.toWellFormed().replaceAll('\r\n', '\n').replace(controls, pictureOf);
}

/** The control's picture (Unicode, "Control Pictures"): `␀` for NUL, `␛` for ESC. */
function pictureOf(control: string): string {
  const code = control.charCodeAt(0);
  return code === 0x7f ? '\u2421' : String.fromCharCode(0x2400 + code);
}
