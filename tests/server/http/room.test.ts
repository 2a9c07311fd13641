import { expect, test } from 'vitest';
import { makeRoom } from '../../../lib/server/http/admission.ts';
import { range } from '../../support/log/log-steps.ts';
import { makeStand } from '../../support/server/stand.ts';

type Process = Parameters<typeof makeRoom>[0];

/** A process that holds so many streams, of channels it follows already, and follows so many others. */
function holding(
  streams: number,
  followed: number,
  settings: { isVercel: boolean; streamMaxConnections: number },
) {
  const tails = { count: () => followed, has: (channel: string) => channel === 'feed', endIdle: () => false };
  return { settings, tails, streams: { size: streams }, heldPolls: { size: 0 } } as unknown as Process;
}

const refusal = (process: Process, channels: readonly string[]) => {
  try {
    makeRoom(process, channels);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};

test('a process takes as many streams as its setting says', () => {
  const settings = { isVercel: false, streamMaxConnections: 2_000 };
  expect(refusal(holding(1_999, 1, settings), ['feed'])).toBe(null);
  expect(refusal(holding(2_000, 1, settings), ['feed'])).toMatch(/STREAM_MAX_CONNECTIONS/);
});

test('on the platform streams and subscriptions together stay within its file descriptors, whatever is set', () => {
  const settings = { isVercel: true, streamMaxConnections: 2_000 };
  expect(refusal(holding(898, 1, settings), ['feed'])).toBe(null);
  expect(refusal(holding(898, 1, settings), ['another'])).toMatch(
    /898 streams and polls that wait, and follows 1 channels/,
  );
});

test('elsewhere 100 subscriptions have room beside the streams', () => {
  const settings = { isVercel: false, streamMaxConnections: 2_000 };
  expect(refusal(holding(1_999, 100, settings), ['feed'])).toBe(null);
  expect(refusal(holding(1_999, 100, settings), ['another'])).toMatch(/its maximum/);
});

/** A process that follows `inUse` channels for its readers, and then so many that nobody reads any more: `idle1`, … */
function following(inUse: number, idle: number) {
  const stand = makeStand();
  for (const number of range(1, inUse)) stand.runtime.tails.lease(`used${number}`);
  for (const number of range(1, idle)) stand.runtime.tails.lease(`idle${number}`).release();
  return stand;
}

test('where there is no room, the tails that are idle the longest make it', async () => {
  const { runtime, clock } = following(800, 99);
  await clock.advance(1_000);
  // The oldest is used again, and left again: it is the last to go.
  runtime.tails.lease('idle1').release();

  makeRoom(runtime, ['new1', 'new2', 'new3']);

  const ended = range(1, 99).filter((number) => !runtime.tails.has(`idle${number}`));
  expect([ended, runtime.tails.count()]).toEqual([[2, 3, 4], 896]);
});

test('a tail that the request itself wants does not make room for it', () => {
  const { runtime } = following(898, 2);
  makeRoom(runtime, ['idle1']);
  expect([runtime.tails.has('idle1'), runtime.tails.has('idle2')]).toEqual([true, false]);
});

test('it is refused only where all tails are in use; then none is ended', () => {
  const { runtime } = following(897, 2);
  expect(() => makeRoom(runtime, ['new1', 'new2', 'new3'])).toThrow(/its maximum/);
  expect(runtime.tails.count()).toBe(899);
  makeRoom(runtime, ['new1', 'new2']);
  expect(runtime.tails.count()).toBe(897);
});

test('a tail that made room leaves nothing behind', async () => {
  const { runtime, clock, log } = following(0, 1);
  await clock.advance(0);

  runtime.tails.endIdle(1, []);

  expect([runtime.tails.count(), log.followers(), clock.pending()]).toEqual([0, 0, 0]);
});
