import { expect, test } from 'vitest';
import { checkRoom } from '../../lib/server/room.ts';

type Process = Parameters<typeof checkRoom>[0];

/** A process that holds so many streams, of channels it follows already, and follows so many others. */
function holding(
  streams: number,
  followed: number,
  settings: { isVercel: boolean; streamMaxConnections: number },
) {
  const tails = { count: () => followed, has: (channel: string) => channel === 'feed' };
  return { settings, tails, streams: { size: streams } } as unknown as Process;
}

const refusal = (process: Process, channels: readonly string[]) => {
  try {
    checkRoom(process, channels, 1);
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
  expect(refusal(holding(898, 1, settings), ['another'])).toMatch(/898 streams and follows 1 channels/);
});

test('elsewhere 100 subscriptions have room beside the streams', () => {
  const settings = { isVercel: false, streamMaxConnections: 2_000 };
  expect(refusal(holding(1_999, 100, settings), ['feed'])).toBe(null);
  expect(refusal(holding(1_999, 100, settings), ['another'])).toMatch(/its maximum/);
});
