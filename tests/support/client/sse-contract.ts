import { eventBlock, type SseCase } from './sse-case.ts';
import { framingCases } from './sse-framing-cases.ts';
import { valueCases } from './sse-value-cases.ts';

/*
 * What the HTML standard (section "Server-sent events") asks of every reader. Our protocol is narrower: each frame has its
 * own id, and data is JSON. Some cases say what the client does with a stream that is not.
 */

/** Short bodies: a test reads each as a whole, split in two at every byte, and byte by byte. */
export const sseCases: readonly SseCase[] = [...framingCases, ...valueCases];

const long = 'x'.repeat(900_000);

/** Long bodies: a test reads each as a whole, and in pieces of many lengths. */
export const longSseCases: readonly SseCase[] = [
  {
    name: 'reads a line of data far above the largest event',
    sent: eventBlock(1, long),
    read: [`1 "${long}"`],
  },
  { name: 'ignores a comment of any length', sent: `:${long}${long}\n\n${eventBlock(1)}`, read: ['1 1'] },
  {
    name: 'ignores an unknown field of any length',
    sent: `x: ${long}${long}\n${eventBlock(1)}`,
    read: ['1 1'],
  },
  {
    name: 'reads any number of frames, however large they are together',
    sent: Array.from({ length: 1_100 }, (_, at) => eventBlock(at + 1, 'x'.repeat(1_000))).join(''),
    read: Array.from({ length: 1_100 }, (_, at) => `${at + 1} "${'x'.repeat(1_000)}"`),
  },
  {
    name: 'ends a stream whose line of data has no end',
    sent: `${eventBlock(1)}data: ${long}${long}`,
    read: ['1 1'],
    end: 'disconnected',
  },
  {
    name: 'ends a stream whose frame has no end',
    sent: `${eventBlock(1)}data: ${long}\ndata: ${long}\n`,
    read: ['1 1'],
    end: 'disconnected',
  },
];
