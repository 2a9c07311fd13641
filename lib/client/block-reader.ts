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

const empty: Block = { event: '', id: '', data: '' };

/**
 * Reads blocks out of text that comes in pieces, however it was cut (HTML standard, "Interpreting an event stream").
 * `retry` is not read: when to come back is for the client's own rules. A byte order mark is the decoder's affair.
 * @returns takes the next piece. It throws RangeError when a block has no end, and what `onBlock` throws.
 */
export function createBlockReader(onBlock: (block: Block) => void): (text: string) => void {
  let block = empty;
  let unfinished = '';
  let isAfterReturn = false;

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
    // A line's end may be cut in two itself.
    const [first = '', ...others] = (isAfterReturn ? text.replace(/^\n/, '') : text).split(/\r\n?|\n/);
    isAfterReturn = text.endsWith('\r');
    const lines = [unfinished + first, ...others];
    unfinished = lines.pop() ?? '';
    for (const line of lines) readLine(line);
    if (unfinished.length + block.data.length > maxLength) throw new RangeError('a block has no end');
  };
}

/** A line as `field: value`; without a colon the value is empty. A comment has no field. */
function fieldOf(line: string): [field: string, value: string] {
  const colon = line.indexOf(':');
  if (colon < 0) return [line, ''];
  return [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, '')];
}
