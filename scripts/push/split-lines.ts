import { FeedError } from '../../lib/core/feed-error.ts';

/** A line of the input, without its end. */
export type Line = {
  /** 1 for the first line of the input. */
  readonly number: number;
  readonly text: string;
};

/** Longest line in bytes: the largest event, and room for members that are left out. */
export const maxLineBytes = 66 * 1_024;

const newline = 0x0a;

/**
 * Splits bytes into lines as they come. A line ends with LF or CRLF; the last may have no end. Never holds more than
 * one chunk and one line, so a pipe of any length fits.
 * @throws FeedError naming the line: `too-large` above 66 KiB, `bad-request` when it is not UTF-8. Every line before
 * it was given.
 */
export async function* splitLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Line> {
  let number = 1;
  let pieces: Uint8Array[] = [];
  let length = 0;
  const keep = (piece: Uint8Array) => {
    length += piece.length;
    if (length > maxLineBytes) throw tooLong(number);
    pieces.push(piece);
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      keep(chunk.subarray(start, end));
      yield { number, text: decode(pieces, number) };
      number += 1;
      pieces = [];
      length = 0;
      start = end + 1;
    }
    keep(chunk.subarray(start));
  }
  if (length > 0) yield { number, text: decode(pieces, number) };
}

// Only the input's own beginning may carry a byte order mark; elsewhere it is text.
const firstDecoder = new TextDecoder('utf-8', { fatal: true });
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(pieces: readonly Uint8Array[], number: number): string {
  const [only] = pieces;
  const bytes = pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
  try {
    const text = (number === 1 ? firstDecoder : decoder).decode(bytes);
    return text.endsWith('\r') ? text.slice(0, -1) : text;
  } catch (cause) {
    throw new FeedError('bad-request', `line ${number}: not valid UTF-8; allowed is text in UTF-8`, {
      cause,
    });
  }
}

function tooLong(number: number): FeedError {
  return new FeedError(
    'too-large',
    `line ${number}: longer than ${maxLineBytes} bytes; allowed is an event of up to 65536 bytes as JSON`,
  );
}
