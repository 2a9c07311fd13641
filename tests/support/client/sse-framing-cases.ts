import {
  heartbeatBlock as beat,
  eventBlock as block,
  cursorText as cursor,
  eventJson as json,
  type SseCase,
} from './sse-case.ts';

const lines: readonly SseCase[] = [
  { name: 'reads frame after frame', sent: block(1) + block(2), read: ['1 1', '2 2'] },
  {
    name: 'accepts a different line end on each line',
    sent: `id: ${cursor(1)}\rdata: ${json(1)}\r\n\nid: ${cursor(2)}\ndata: ${json(2)}\r\rid: ${cursor(3)}\r\ndata: ${json(3)}\n\r\n`,
    read: ['1 1', '2 2', '3 3'],
  },
  {
    name: 'reads CRLF as one line end',
    sent: `event: heartbeat\r\nid: ${cursor(1)}\r\ndata: {}\r\n\r\n`,
    read: ['1 heartbeat'],
  },
  { name: 'ignores blank lines', sent: `\n\n\n${block(1)}\n\n${block(2)}\n`, read: ['1 1', '2 2'] },
  {
    name: 'ignores comments anywhere',
    sent: `: one\n:\nid: ${cursor(1)}\n:two: 2\ndata: ${json(1)}\n:data: x\n\n:\n\n`,
    read: ['1 1'],
  },
  { name: 'reads no event from an empty body', sent: '', read: [] },
];

const fields: readonly SseCase[] = [
  {
    name: 'removes one space after the colon',
    sent: `id:${cursor(1)}\nevent:heartbeat\ndata:{}\n\n${beat(2)}`,
    read: ['1 heartbeat', '2 heartbeat'],
  },
  {
    name: 'keeps a second space after the colon',
    sent: `id: ${cursor(1)}\nevent:  heartbeat\ndata: {}\n\n${block(2)}`,
    read: ['2 2'],
  },
  {
    name: 'keeps a tab after the colon',
    sent: `id: ${cursor(1)}\nevent:\theartbeat\ndata: {}\n\n${block(2)}`,
    read: ['2 2'],
  },
  { name: 'keeps colons within a value', sent: block(1, 'a: b:c'), read: ['1 "a: b:c"'] },
  {
    name: 'ignores unknown fields',
    sent: `x: 1\nid: ${cursor(1)}\ndatas: x\ndat: y\nnonsense\n${'z'.repeat(80)}: 2\ndata: ${json(1)}\n\n`,
    read: ['1 1'],
  },
  {
    name: 'compares field names exactly',
    sent: `Event: heartbeat\n event: heartbeat\nevent : heartbeat\nDATA: x\n data: x\ndata : x\n${block(1)}`,
    read: ['1 1'],
  },
  {
    name: 'reads a line without a colon as a field without a value',
    sent: `event: heartbeat\nevent\n${block(1)}`,
    read: ['1 1'],
  },
  {
    name: 'accepts fields in any order',
    sent: `data: ${json(1)}\nid: ${cursor(1)}\n\ndata: {}\nevent: heartbeat\nid: ${cursor(2)}\n\n`,
    read: ['1 1', '2 heartbeat'],
  },
];

const data: readonly SseCase[] = [
  {
    name: 'joins several lines of data',
    sent: `id: ${cursor(1)}\ndata: ${json(1).slice(0, 1)}\ndata: ${json(1).slice(1, -1)}\ndata: }\n\n`,
    read: ['1 1'],
  },
  {
    name: 'joins lines of data by a line end',
    sent: `id: ${cursor(1)}\ndata: ${json(1, 'half').replace('half', 'ha\ndata: lf')}\n\n`,
    read: [],
    end: 'disconnected',
  },
  {
    name: 'joins empty lines of data too',
    sent: `id: ${cursor(1)}\ndata\ndata:\ndata: \ndata: ${json(1)}\ndata\n\n`,
    read: ['1 1'],
  },
  {
    name: 'ignores a frame without data',
    sent: `id: ${cursor(1)}\nevent: heartbeat\n\n${block(2)}`,
    read: ['2 2'],
  },
  {
    name: 'disconnects at empty data, which is no JSON',
    sent: `id: ${cursor(1)}\ndata:\n\n${block(2)}`,
    read: [],
    end: 'disconnected',
  },
  {
    name: 'reads the frames before data that is no JSON',
    sent: `${block(1)}id: ${cursor(2)}\ndata: {"id":\n\n${block(3)}`,
    read: ['1 1'],
    end: 'disconnected',
  },
  {
    name: 'ignores a last frame without its blank line',
    sent: `${block(1)}${block(2).slice(0, -1)}`,
    read: ['1 1'],
  },
  {
    name: 'ignores a last frame whose last line has no end',
    sent: `${block(1)}${block(2).slice(0, -2)}`,
    read: ['1 1'],
  },
  {
    name: 'ignores a last frame that ends within a character',
    sent: new TextEncoder().encode(`${block(1)}data: 世`).slice(0, -1),
    read: ['1 1'],
  },
];

/** How lines, fields and data are framed. */
export const framingCases: readonly SseCase[] = [...lines, ...fields, ...data];
