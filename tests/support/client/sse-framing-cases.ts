import {
  heartbeatBlock as beat,
  eventBlock as block,
  cursorText as cursor,
  eventJson as json,
  type SseCase,
} from './sse-case.ts';

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
    end: 'disconnected',
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
    end: 'disconnected',
  },
  {
    name: 'takes what stands ahead of a block that is no JSON',
    sent: `${block(1)}id: ${cursor(2)}\ndata: {"id":\n\n${block(3)}`,
    read: ['1 1'],
    end: 'disconnected',
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

/** How lines, fields and data are framed. */
export const framingCases: readonly SseCase[] = [...lines, ...fields, ...data];
