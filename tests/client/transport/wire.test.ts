import { describe, expect, test } from 'vitest';
import {
  readEvent,
  readGap,
  readHandover,
  readHello,
  readPollAdvice,
  readProblem,
} from '../../../lib/client/transport/wire.ts';
import { cursorAt } from '../../support/client/feed-items.ts';

const cursor = cursorAt('50-5~aaaaaa');
const event = { id: '50-5', channel: 'feed', type: 'message', time: 50, data: null };
const gap = { channel: 'feed', reason: 'trimmed', missed: 2, exact: true, after: '10-1', resumesAt: '40-4' };
const problem = { type: 'about:blank', title: 'Forbidden', status: 403, detail: 'No.' };

test('an event gets the epoch of its source', () => {
  expect(readEvent(event, cursor)).toEqual({
    kind: 'event',
    event,
    position: { id: { time: 50, seq: 5 }, epoch: 'aaaaaa' },
  });
});

describe('is malformed:', () => {
  test.each([
    ['an event that is no object', () => readEvent('text', cursor), 'event'],
    ['an event without an id', () => readEvent({ ...event, id: undefined }, cursor), 'id undefined'],
    ['an event of another channel', () => readEvent({ ...event, channel: 'other' }, cursor), 'channel other'],
    ['a gap with an unknown reason', () => readGap({ ...gap, reason: 'lost' }), 'gap lost'],
    ['a gap that begins nowhere', () => readGap({ ...gap, after: null }), 'id null'],
    ['a problem that is no object', () => readProblem('text'), 'problem'],
    ['a hello that is no object', () => readHello(7), 'hello'],
  ] as const)('%s', (_, read, what) => {
    expect(read).toThrow(`${what} is malformed; docs/protocol.md describes the format`);
  });
});

describe('a field that is missing or new does no harm:', () => {
  test('a hello without a heartbeat', () => expect(readHello({})).toEqual({ heartbeatMs: 0 }));
  test('a gap up to the end of the log', () => {
    expect(readGap({ ...gap, resumesAt: null })).toMatchObject({ resumesAt: null });
  });
  test('a handover for a reason that this version does not know', () => {
    expect(readHandover({ reason: 'moon' })).toEqual({ reason: 'moon', everyMs: 0 });
  });
  test('a problem with a field that this version does not know', () => {
    expect(readProblem({ ...problem, more: 1 })).toEqual({ ...problem, more: 1 });
  });
  test('a problem without a title is not shown', () => {
    expect(readProblem({ ...problem, title: undefined })).toBeNull();
  });
  test('a page without advice', () => {
    expect(readPollAdvice(undefined)).toEqual({ waitSeconds: 0, everyMs: 2_000, rest: false });
  });
});
