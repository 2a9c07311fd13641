import type { Contestant } from '../contestants.ts';
import { withRedis } from '../stand.ts';
import type { Case, Measured, Size } from './case.ts';

type Process = { readonly readers: number; readonly channels: number };

const processes: Readonly<Record<Size, readonly Process[]>> = {
  full: [
    { readers: 1, channels: 1 },
    { readers: 500, channels: 1 },
    { readers: 500, channels: 50 },
  ],
  smoke: [
    { readers: 1, channels: 1 },
    { readers: 10, channels: 5 },
  ],
};

/**
 * An idle process is at rest when its checks are one minute apart: after 5 + 10 + 20 + 40 s. Then counting starts. In 105 s
 * there are one or two checks, 54 to 66 s apart, which gives 34 or 69 per hour; one more command would give 103.
 */
const times = {
  full: { limitSeconds: 60, restSeconds: 80, watchSeconds: 105 },
  smoke: { limitSeconds: 5, restSeconds: 0, watchSeconds: 5.5 },
} as const;

/**
 * Redis commands, as the service bills them, for one hour without events. The REST endpoint counts for a while, and the
 * count is scaled to one hour. Streams end within 60 s, so the count includes handovers. No subscription is cut, so it
 * includes no renewal. `tests/server/idle-cost.test.ts` counts over whole hours, with time moved by hand.
 */
export const redisIdleCases: readonly Case[] = [
  {
    name: 'idle-redis',
    what: 'no events, streams end within 60 s; counted for 105 s, scaled to one hour',
    contestants: ['steadfeedRedis', 'upstashRealtime'],
    isCounted: true,
    figures: [...new Set(Object.values(processes).flat().map(nameOf))].map((name) => ({
      name,
      unit: '/h',
      goals: [{ atMost: 75 }],
    })),
    // All at the same time: they do almost nothing, and nothing is timed.
    run: async (contestant, size) => {
      const all = await Promise.all(processes[size].map((each) => countIdle(contestant, each, size)));
      return {
        figures: Object.assign({}, ...all.map(({ figures }) => figures)),
        clientLoad: Math.max(...all.map(({ clientLoad }) => clientLoad)),
      };
    },
  },
];

function nameOf({ readers, channels }: Process): string {
  const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;
  return `Redis commands, ${plural(readers, 'reader')} of ${plural(channels, 'channel')}`;
}

/** @throws Error if a reader had no handover, because the count would then miss their cost. */
function countIdle(contestant: Contestant, idle: Process, size: Size): Promise<Measured> {
  const { readers, channels } = idle;
  const { limitSeconds, restSeconds, watchSeconds } = times[size];
  const limit = String(limitSeconds);
  return withRedis(
    contestant,
    size,
    async ({ open, tell }, redis) => {
      await open(readers, { channels, isLasting: true });
      await tell({ kind: 'rest', seconds: restSeconds });
      await redis.tell({ kind: 'reset' });
      const { count, cpuMs, wallMs } = await tell({ kind: 'rest', seconds: watchSeconds });
      const { commands } = await redis.tell({ kind: 'count' });
      if (count < readers) throw new Error(`${count} handovers of ${readers} readers`);
      return { figures: { [nameOf(idle)]: (commands * 3_600_000) / wallMs }, clientLoad: cpuMs / wallMs };
    },
    { env: { STREAM_MAX_SECONDS: limit, REALTIME_MAX_SECONDS: limit }, warmRequests: 0 },
  );
}
