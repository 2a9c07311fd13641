import { FeedError } from '../../core/feed-error.ts';
import { excerpt } from '../../core/safe-text.ts';

/**
 * Parses JSON, and refuses a number that would come back changed. JavaScript keeps every number as a double: a whole
 * number must come back digit for digit, because many languages read it into an integer. Any other number must come
 * back as the same double; it may have more digits than needed, as `%.17g` writes it.
 * @param what names the text in the error: `body`, `line 3`.
 * @throws FeedError `bad-request`
 */
export function parseJsonStrict(text: string, what: string): unknown {
  try {
    if (!mayHoldInexactNumber.test(text)) return JSON.parse(text);
    // The third argument has the number as it is written (ECMAScript, "JSON.parse source text access").
    return JSON.parse(text, (_key: string, value: unknown, ...rest: unknown[]) => {
      if (typeof value === 'number') checkNumber(value, (rest[0] as { source: string }).source, what);
      return value;
    });
  } catch (cause) {
    if (cause instanceof FeedError) throw cause;
    const fault = cause instanceof RangeError ? 'is nested too deeply' : 'is not valid JSON';
    throw new FeedError('bad-request', `${what} ${fault}.`, { cause });
  }
}

/** A number needs an exponent or more than 15 digits to be changed by a double. */
const mayHoldInexactNumber = /\d[\d.]{15}|\d[eE]/;

function checkNumber(value: number, source: string, what: string): void {
  if (Number.isFinite(value) && isExact(value, source)) return;
  throw new FeedError(
    'bad-request',
    `${what}: The number ${excerpt(source)} cannot be represented exactly as a JavaScript number. Send it as a string.`,
  );
}

function isExact(value: number, source: string): boolean {
  const written = normalize(source);
  if (written === normalize(String(value))) return true;
  const digits = written.indexOf('e') - (written.startsWith('-') ? 1 : 0);
  return /[.e]/i.test(source) && digits <= maxPrecision && written === normalize(value.toPrecision(digits));
}

/** The most digits that `toPrecision` can write. */
const maxPrecision = 100;

/** Writes a decimal number as its digits and an exponent, so that 1.50, 1.5 and 15e-1 give the same text. */
function normalize(source: string): string {
  const [mantissa = '', exponent = '0'] = source.toLowerCase().replace(/^-/, '').split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  // Not by /0+$/: its time grows with the square of the zeros, and a million zeros would stop the process for minutes.
  let end = digits.length;
  while (digits[end - 1] === '0') end -= 1;
  const significant = digits.slice(0, end);
  if (significant === '') return '0';
  const power = Number(exponent) - fraction.length + (digits.length - significant.length);
  return `${source.startsWith('-') ? '-' : ''}${significant}e${power}`;
}
