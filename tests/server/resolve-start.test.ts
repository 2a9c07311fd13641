import { expect, test } from 'vitest';
import type { EventLog } from '../../lib/log/event-log.ts';
import { positionAtEnd, resolveStart } from '../../lib/server/resolve-start.ts';
import { newEvents, range } from '../log/log-steps.ts';
import { makeStand } from './stand.ts';

test('a log is read back no further for a reader that has left', async () => {
  const { runtime } = makeStand();
  for (const part of range(1, 6)) {
    await runtime.log.append({ events: newEvents('feed', 500, part * 500), key: null });
  }
  const leaving = new AbortController();
  let reads = 0;
  const read: EventLog['read'] = (...asked) => {
    reads += 1;
    if (reads === 2) leaving.abort();
    return runtime.log.read(...asked);
  };
  const start = { kind: 'rewind', rewind: { kind: 'count', count: 2_900 } } as const;

  await resolveStart(
    { ...runtime.log, read },
    ['feed', 'other'],
    start,
    () => positionAtEnd(null),
    leaving.signal,
  );

  expect(reads).toBe(2);
});
