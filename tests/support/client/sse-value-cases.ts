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
    name: 'reads a frame without a name, or with an empty one, as a message',
    sent: `event:\n${block(1)}event\n${block(2)}event: message\n${block(3)}`,
    read: ['1 1', '2 2', '3 3'],
  },
  { name: 'uses the last of two names', sent: `event: gap\n${beat(1)}`, read: ['1 heartbeat'] },
  { name: 'forgets the name after each frame', sent: beat(1) + block(2), read: ['1 heartbeat', '2 2'] },
  {
    name: 'forgets the name of a frame without data',
    sent: `event: heartbeat\n\n${block(1)}`,
    read: ['1 1'],
  },
  {
    name: 'ignores frames with unknown names, whatever their data',
    sent: `event: later\ndata: no JSON\n\nevent: later\ndata\n\n${block(1)}`,
    read: ['1 1'],
  },
];

const ids: readonly SseCase[] = [
  { name: 'uses the last of two ids', sent: `id: ${cursor(9)}\n${block(1)}`, read: ['1 1'] },
  {
    name: 'ignores an id that contains NULL',
    sent: `id: ${cursor(1)}\nid: ${cursor(9)}\0\ndata: ${json(1)}\n\n`,
    read: ['1 1'],
  },
  {
    name: 'disconnects at a frame whose only id contains NULL',
    sent: `${block(1)}id: ${cursor(2)}\0\ndata: ${json(2)}\n\n`,
    read: ['1 1'],
    end: 'disconnected',
  },
  {
    name: 'forgets the id after each frame: each frame of our protocol has its own',
    sent: `${block(1)}data: ${json(2)}\n\n`,
    read: ['1 1'],
    end: 'disconnected',
  },
  {
    name: 'forgets the id of a frame without data',
    sent: `${block(1)}id: ${cursor(2)}\n\ndata: ${json(2)}\n\n`,
    read: ['1 1'],
    end: 'disconnected',
  },
  {
    name: 'reads an empty id as none',
    sent: `${block(1)}id: ${cursor(2)}\nid\ndata: ${json(2)}\n\n`,
    read: ['1 1'],
    end: 'disconnected',
  },
  {
    name: 'needs no id for a frame that is not of the log',
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
  name: `continues after "retry: ${value}"`,
  sent: `retry: ${value}\n\nretry:${value}\n${block(1)}`,
  read: ['1 1'],
}));

const characters: readonly SseCase[] = [
  { name: 'reads characters of two, three and four bytes', sent: block(1, 'é世🌍é'), read: ['1 "é世🌍é"'] },
  {
    name: 'removes a byte order mark at the start',
    sent: `${bom}event: heartbeat\n${block(1).replace(json(1), '{}')}`,
    read: ['1 heartbeat'],
  },
  {
    name: 'removes one byte order mark, and reads a second as part of the field name',
    sent: `${bom}${bom}event: heartbeat\n${block(1)}`,
    read: ['1 1'],
  },
  {
    name: 'keeps a byte order mark at the start of a later line',
    sent: `\n${bom}event: heartbeat\n${block(1)}${bom}event: heartbeat\n${block(2)}`,
    read: ['1 1', '2 2'],
  },
  { name: 'keeps a byte order mark within a value', sent: block(1, `a${bom}b`), read: [`1 "a${bom}b"`] },
  {
    name: 'replaces bytes that are no UTF-8',
    sent: Buffer.concat([
      Buffer.from(block(1, 'a|b').split('|')[0] ?? ''),
      Buffer.of(0xff),
      Buffer.from(block(1, 'a|b').split('|')[1] ?? ''),
    ]),
    read: ['1 "a\u{fffd}b"'],
  },
  {
    name: 'does not end a line at characters that end lines elsewhere',
    sent: block(1, 'a\u{85}b\u{2028}c\u{2029}d'),
    read: ['1 "a\u{85}b\u{2028}c\u{2029}d"'],
  },
];

/** What becomes of names, ids, `retry` and characters. */
export const valueCases: readonly SseCase[] = [...names, ...ids, ...retries, ...characters];
