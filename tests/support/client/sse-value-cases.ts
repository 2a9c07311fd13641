import {
  heartbeatBlock as beat,
  eventBlock as block,
  cursorText as cursor,
  eventJson as json,
  type SseCase,
} from './sse-case.ts';

const bom = '\u{feff}';

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
    end: 'disconnected',
  },
  {
    name: 'lends no id to the next block: each frame of the contract has its own',
    sent: `${block(1)}data: ${json(2)}\n\n`,
    read: ['1 1'],
    end: 'disconnected',
  },
  {
    name: 'lends no id of a block without data',
    sent: `${block(1)}id: ${cursor(2)}\n\ndata: ${json(2)}\n\n`,
    read: ['1 1'],
    end: 'disconnected',
  },
  {
    name: 'takes an empty id for none',
    sent: `${block(1)}id: ${cursor(2)}\nid\ndata: ${json(2)}\n\n`,
    read: ['1 1'],
    end: 'disconnected',
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

/** What becomes of names, ids, `retry` and characters. */
export const valueCases: readonly SseCase[] = [...names, ...ids, ...retries, ...characters];
