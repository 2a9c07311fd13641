/** One block of a stream of Server-Sent Events. */
export type Block = {
  /** Empty where the block names none: a message. */
  readonly event: string;
  /** The block's own; empty where it has none. That of an earlier block is no cursor of this one. */
  readonly id: string;
  readonly data: string;
};

/** Longest unfinished block, in characters: far above the largest event there is. */
const maxLength = 1_048_576;

/** How a line begins that is read. What begins otherwise within as many characters, a comment for example, says nothing. */
const known = /^(data|event|id):/;
const knownLength = 6;

const empty: Block = { event: '', id: '', data: '' };

/**
 * Reads blocks out of text that comes in pieces, however it was cut (HTML standard, "Interpreting an event stream").
 * `retry` is not read: when to come back is for the client's own rules.
 * @returns takes the next piece. It throws RangeError when a block has no end, and what `onBlock` throws.
 */
export function createBlockReader(onBlock: (block: Block) => void): (text: string) => void {
  let block = empty;
  let unfinished = '';
  /** What is passed over where the next piece begins: the byte order mark, or the second half of a line's end. */
  let skipped = '\ufeff';

  function readLine(line: string): void {
    if (line === '') {
      const { data } = block;
      const whole = { ...block, data: data.slice(0, -1) };
      block = empty;
      // Without a line of data it is no message.
      if (data !== '') onBlock(whole);
      return;
    }
    const [field, value] = fieldOf(line);
    if (field === 'data') block = { ...block, data: `${block.data}${value}\n` };
    if (field === 'event') block = { ...block, event: value };
    if (field === 'id' && !value.includes('\0')) block = { ...block, id: value };
  }

  return (text) => {
    if (text === '') return;
    const rest = skipped !== '' && text.startsWith(skipped) ? text.slice(1) : text;
    skipped = text.endsWith('\r') ? '\n' : '';
    const [first = '', ...others] = rest.split(/\r\n?|\n/);
    const lines = [unfinished + first, ...others];
    unfinished = lines.pop() ?? '';
    for (const line of lines) readLine(line);
    // Of a line that says nothing no more is kept, however long it is.
    if (!known.test(unfinished)) unfinished = unfinished.slice(0, knownLength);
    if (unfinished.length + block.data.length > maxLength) throw new RangeError('a block has no end');
  };
}

/** A line as `field: value`; without a colon the value is empty. A comment has no field. */
function fieldOf(line: string): [field: string, value: string] {
  const colon = line.indexOf(':');
  if (colon < 0) return [line, ''];
  return [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, '')];
}
