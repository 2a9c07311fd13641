/** A body as a server may send it, and what our client reads in it. */
export type SseCase = {
  /** What holds, as the end of a sentence that begins with "the client: ". */
  readonly name: string;
  /** Where the line ends are all `\n`, the case holds for `\r\n` and `\r` just as well. */
  readonly sent: string | Uint8Array;
  /** Every frame: the seq of its cursor, and an event's data as JSON or the frame's name. */
  readonly read: readonly string[];
  /** How it is over. Default: `ended`. */
  readonly end?: 'ended' | 'cut';
};

const bom = '\u{feff}';
const cursor = (seq: number) => `${seq * 10}-${seq}~aaaaaa`;
const json = (seq: number, data: unknown = seq) =>
  JSON.stringify({ id: `${seq * 10}-${seq}`, channel: 'feed', type: 'note', time: seq * 10, data });
const block = (seq: number, data?: unknown) => `id: ${cursor(seq)}\ndata: ${json(seq, data)}\n\n`;

/** What must not be read: a frame that would show at once. */
const beat = (seq: number) => `id: ${cursor(seq)}\nevent: heartbeat\ndata: {}\n\n`;

const lines: readonly SseCase[] = [
  { name: 'reads block after block', sent: block(1) + block(2), read: ['1 1', '2 2'] },
  {
    name: 'takes each line end for itself, whatever the one before it was',
    sent: `id: ${cursor(1)}\rdata: ${json(1)}\r\n\nid: ${cursor(2)}\ndata: ${json(2)}\r\rid: ${cursor(3)}\r\ndata: ${json(3)}\n\r\n`,
    read: ['1 1', '2 2', '3 3'],
  },
  {
    name: 'takes a CRLF for one line end',
    sent: `event: heartbeat\r\nid: ${cursor(1)}\r\ndata: {}\r\n\r\n`,
    read: ['1 heartbeat'],
  },
  { name: 'passes over blank lines', sent: `\n\n\n${block(1)}\n\n${block(2)}\n`, read: ['1 1', '2 2'] },
  {
    name: 'passes over comments, wherever they stand',
    sent: `: one\n:\nid: ${cursor(1)}\n:two: 2\ndata: ${json(1)}\n:data: x\n\n:\n\n`,
    read: ['1 1'],
  },
  { name: 'reads no event in a body that is empty', sent: '', read: [] },
];

const fields: readonly SseCase[] = [
  {
    name: 'takes off one space after the colon, or none',
    sent: `id:${cursor(1)}\nevent:heartbeat\ndata:{}\n\n${beat(2)}`,
    read: ['1 heartbeat', '2 heartbeat'],
  },
  {
    name: 'takes off no second space',
    sent: `id: ${cursor(1)}\nevent:  heartbeat\ndata: {}\n\n${block(2)}`,
    read: ['2 2'],
  },
  {
    name: 'takes off no tab',
    sent: `id: ${cursor(1)}\nevent:\theartbeat\ndata: {}\n\n${block(2)}`,
    read: ['2 2'],
  },
  { name: 'keeps the colons of a value', sent: block(1, 'a: b:c'), read: ['1 "a: b:c"'] },
  {
    name: 'passes over fields nobody knows',
    sent: `x: 1\nid: ${cursor(1)}\ndatas: x\ndat: y\nnonsense\n${'z'.repeat(80)}: 2\ndata: ${json(1)}\n\n`,
    read: ['1 1'],
  },
  {
    name: 'knows a field by its exact name only',
    sent: `Event: heartbeat\n event: heartbeat\nevent : heartbeat\nDATA: x\n data: x\ndata : x\n${block(1)}`,
    read: ['1 1'],
  },
  {
    name: 'takes a line without colon for a field without value',
    sent: `event: heartbeat\nevent\n${block(1)}`,
    read: ['1 1'],
  },
  {
    name: 'takes fields in any order',
    sent: `data: ${json(1)}\nid: ${cursor(1)}\n\ndata: {}\nevent: heartbeat\nid: ${cursor(2)}\n\n`,
    read: ['1 1', '2 heartbeat'],
  },
];

const data: readonly SseCase[] = [
  {
    name: 'joins the lines of data',
    sent: `id: ${cursor(1)}\ndata: ${json(1).slice(0, 1)}\ndata: ${json(1).slice(1, -1)}\ndata: }\n\n`,
    read: ['1 1'],
  },
  {
    name: 'joins them by a line end',
    sent: `id: ${cursor(1)}\ndata: ${json(1, 'half').replace('half', 'ha\ndata: lf')}\n\n`,
    read: [],
    end: 'cut',
  },
  {
    name: 'joins empty ones too',
    sent: `id: ${cursor(1)}\ndata\ndata:\ndata: \ndata: ${json(1)}\ndata\n\n`,
    read: ['1 1'],
  },
  {
    name: 'makes no event of a block without data',
    sent: `id: ${cursor(1)}\nevent: heartbeat\n\n${block(2)}`,
    read: ['2 2'],
  },
  {
    name: 'makes one of a block with empty data, which is no JSON',
    sent: `id: ${cursor(1)}\ndata:\n\n${block(2)}`,
    read: [],
    end: 'cut',
  },
  {
    name: 'takes what stands ahead of a block that is no JSON',
    sent: `${block(1)}id: ${cursor(2)}\ndata: {"id":\n\n${block(3)}`,
    read: ['1 1'],
    end: 'cut',
  },
  {
    name: 'drops the last block when its blank line is missing',
    sent: `${block(1)}${block(2).slice(0, -1)}`,
    read: ['1 1'],
  },
  {
    name: 'drops the last block when the end of its last line is missing too',
    sent: `${block(1)}${block(2).slice(0, -2)}`,
    read: ['1 1'],
  },
  {
    name: 'drops a last block that ends within a character',
    sent: new TextEncoder().encode(`${block(1)}data: 世`).slice(0, -1),
    read: ['1 1'],
  },
];

const names: readonly SseCase[] = [
  {
    name: 'takes a block without a name, or with an empty one, for a message',
    sent: `event:\n${block(1)}event\n${block(2)}event: message\n${block(3)}`,
    read: ['1 1', '2 2', '3 3'],
  },
  { name: 'takes the last of two names', sent: `event: gap\n${beat(1)}`, read: ['1 heartbeat'] },
  { name: 'lends no name to the next block', sent: beat(1) + block(2), read: ['1 heartbeat', '2 2'] },
  { name: 'lends no name of a block without data', sent: `event: heartbeat\n\n${block(1)}`, read: ['1 1'] },
  {
    name: 'passes over names it does not know, whatever their data',
    sent: `event: later\ndata: no JSON\n\nevent: later\ndata\n\n${block(1)}`,
    read: ['1 1'],
  },
];

const ids: readonly SseCase[] = [
  { name: 'takes the last of two ids', sent: `id: ${cursor(9)}\n${block(1)}`, read: ['1 1'] },
  {
    name: 'ignores an id that holds a NULL',
    sent: `id: ${cursor(1)}\nid: ${cursor(9)}\0\ndata: ${json(1)}\n\n`,
    read: ['1 1'],
  },
  {
    name: 'takes a block whose only id holds a NULL for one without id',
    sent: `${block(1)}id: ${cursor(2)}\0\ndata: ${json(2)}\n\n`,
    read: ['1 1'],
    end: 'cut',
  },
  {
    name: 'lends no id to the next block: each frame of the contract has its own',
    sent: `${block(1)}data: ${json(2)}\n\n`,
    read: ['1 1'],
    end: 'cut',
  },
  {
    name: 'lends no id of a block without data',
    sent: `${block(1)}id: ${cursor(2)}\n\ndata: ${json(2)}\n\n`,
    read: ['1 1'],
    end: 'cut',
  },
  {
    name: 'takes an empty id for none',
    sent: `${block(1)}id: ${cursor(2)}\nid\ndata: ${json(2)}\n\n`,
    read: ['1 1'],
    end: 'cut',
  },
  {
    name: 'needs no id where a frame is none of the log’s',
    sent: 'event: refused\ndata: {"status":503}\n\n',
    read: ['- refused'],
  },
];

const retries: readonly SseCase[] = [
  '250',
  '0',
  '',
  ' 1000',
  '1e3',
  '-1',
  '1.5',
  'soon',
  '99999999999999999999',
].map((value) => ({
  name: `reads on after "retry: ${value}"`,
  sent: `retry: ${value}\n\nretry:${value}\n${block(1)}`,
  read: ['1 1'],
}));

const characters: readonly SseCase[] = [
  { name: 'reads characters of two, three and four bytes', sent: block(1, 'é世🌍é'), read: ['1 "é世🌍é"'] },
  {
    name: 'takes a byte order mark off the start',
    sent: `${bom}event: heartbeat\n${block(1).replace(json(1), '{}')}`,
    read: ['1 heartbeat'],
  },
  {
    name: 'takes off one, and a second for a part of the field’s name',
    sent: `${bom}${bom}event: heartbeat\n${block(1)}`,
    read: ['1 1'],
  },
  {
    name: 'takes off none of a later line',
    sent: `\n${bom}event: heartbeat\n${block(1)}${bom}event: heartbeat\n${block(2)}`,
    read: ['1 1', '2 2'],
  },
  { name: 'keeps one within a value', sent: block(1, `a${bom}b`), read: [`1 "a${bom}b"`] },
  {
    name: 'puts a replacement in the place of bytes that are no UTF-8',
    sent: Buffer.concat([
      Buffer.from(block(1, 'a|b').split('|')[0] ?? ''),
      Buffer.of(0xff),
      Buffer.from(block(1, 'a|b').split('|')[1] ?? ''),
    ]),
    read: ['1 "a\u{fffd}b"'],
  },
  {
    name: 'takes other characters that end lines elsewhere for none',
    sent: block(1, 'a\u{85}b\u{2028}c\u{2029}d'),
    read: ['1 "a\u{85}b\u{2028}c\u{2029}d"'],
  },
];

/** Short bodies: each is read as a whole, split in two at every byte, and byte by byte. */
export const sseCases: readonly SseCase[] = [
  ...lines,
  ...fields,
  ...data,
  ...names,
  ...ids,
  ...retries,
  ...characters,
];

const long = 'x'.repeat(900_000);

/** Long bodies: read as a whole, and in pieces of many lengths. */
export const longSseCases: readonly SseCase[] = [
  { name: 'reads a line of data far above the largest event', sent: block(1, long), read: [`1 "${long}"`] },
  { name: 'passes over a comment of any length', sent: `:${long}${long}\n\n${block(1)}`, read: ['1 1'] },
  {
    name: 'passes over an unknown field of any length',
    sent: `x: ${long}${long}\n${block(1)}`,
    read: ['1 1'],
  },
  {
    name: 'gives up a line of data without end',
    sent: `${block(1)}data: ${long}${long}`,
    read: ['1 1'],
    end: 'cut',
  },
  {
    name: 'gives up a block of lines without end',
    sent: `${block(1)}data: ${long}\ndata: ${long}\n`,
    read: ['1 1'],
    end: 'cut',
  },
];
