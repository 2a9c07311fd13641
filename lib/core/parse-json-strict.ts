import { FeedError } from './feed-error.ts';
import { excerpt } from './safe-text.ts';

/** A text without any of these holds no number a double could change: 15 digits are always safe. */
const suspicious = /\d[\d.]{15}|\d[eE]/;

/**
 * Reads JSON whose numbers all survive: one that a double cannot hold is refused rather than changed. A whole number
 * must come back digit for digit, because many languages read it into an integer; any other as the same double, of
 * which it may be written with more digits than it needs, as `%.17g` does.
 * @param what names the part in the error: `body`, `line 3`.
 * @throws FeedError `bad-request`
 */
export function parseJsonStrict(text: string, what: string): unknown {
  try {
    if (!suspicious.test(text)) return JSON.parse(text);
    // The third argument holds the number's own text (ECMAScript, "JSON.parse source text access").
    return JSON.parse(text, (_key: string, value: unknown, ...rest: unknown[]) => {
      if (typeof value === 'number') checkNumber(value, (rest[0] as { source: string }).source, what);
      return value;
    });
  } catch (cause) {
    if (cause instanceof FeedError) throw cause;
    const fault = cause instanceof RangeError ? 'is nested too deeply' : 'not valid JSON';
    throw new FeedError('bad-request', `${what}: ${fault}`, { cause });
  }
}

function checkNumber(value: number, source: string, what: string): void {
  if (Number.isFinite(value) && isHeld(value, source)) return;
  throw new FeedError(
    'bad-request',
    `${what}: the number ${excerpt(source)} would come back changed; allowed are numbers that a double brings back as they were, or the same as a string`,
  );
}

function isHeld(value: number, source: string): boolean {
  const asked = canonical(source);
  if (asked === canonical(String(value))) return true;
  const digits = asked.indexOf('e') - (asked.startsWith('-') ? 1 : 0);
  return /[.e]/i.test(source) && digits <= maxDigits && asked === canonical(value.toPrecision(digits));
}

/** As many as `toPrecision` writes. */
const maxDigits = 100;

/** A decimal number as its digits and its exponent, so that 1.50, 1.5 and 15e-1 are equal. */
function canonical(source: string): string {
  const [mantissa = '', exponent = '0'] = source.toLowerCase().replace(/^-/, '').split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  // Not by /0+$/: it tries again at every zero, and a number of a million of them would stop the process for minutes.
  let end = digits.length;
  while (digits[end - 1] === '0') end -= 1;
  const significant = digits.slice(0, end);
  if (significant === '') return '0';
  const power = Number(exponent) - fraction.length + (digits.length - significant.length);
  return `${source.startsWith('-') ? '-' : ''}${significant}e${power}`;
}
