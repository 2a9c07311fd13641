import { expect, test } from 'vitest';
import type { EventLog, ReadFrom } from '../../../lib/log/event-log.ts';

import { positionAtEnd, type Rewind, resolveStart } from '../../../lib/server/stream/start-position.ts';
import { newEvents, range } from '../../support/log/log-steps.ts';
import { makeStand } from '../../support/server/stand.ts';

const rewinds: readonly { readonly rewind: Rewind; readonly seq: number }[] = [
  { rewind: { kind: 'count', count: 1 }, seq: 2_999 },
  { rewind: { kind: 'count', count: 2_900 }, seq: 100 },
  { rewind: { kind: 'count', count: 999_999_999 }, seq: 0 },
  { rewind: { kind: 'all' }, seq: 0 },
  { rewind: { kind: 'age', ageMs: 3_600_000 }, seq: 0 },
];

test.each(rewinds)(
  'a rewind of $rewind reads one event from the log of each channel',
  async ({ rewind, seq }) => {
    const { runtime } = makeStand();
    for (const part of range(1, 6)) {
      await runtime.log.append({ events: newEvents('feed', 500, part * 500), key: null });
    }
    const asked: [string, ReadFrom['kind'], number][] = [];
    const read: EventLog['read'] = (channel, from, limit) => {
      asked.push([channel, from.kind, limit]);
      return runtime.log.read(channel, from, limit);
    };

    const start = { kind: 'rewind', rewind } as const;
    const positions = await resolveStart({ ...runtime.log, read }, ['feed', 'other'], start, () =>
      positionAtEnd(null),
    );

    expect(asked).toEqual([
      ['feed', expect.anything(), 1],
      ['other', expect.anything(), 1],
    ]);
    expect(positions.get('feed')?.id.seq).toBe(seq);
    expect(positions.get('other')).toEqual(positionAtEnd(null));
  },
);
