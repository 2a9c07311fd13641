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
 * A process that is left alone is at rest once its checks are a minute apart: after 5 + 10 + 20 + 40 s. Then it is watched.
 * One or two checks, 54 to 66 s apart, fall into 105 s, which come to 34 or 69 an hour; one more command, and it is 103.
 */
const times = {
  full: { limitSeconds: 60, restSeconds: 80, watchSeconds: 105 },
  smoke: { limitSeconds: 5, restSeconds: 0, watchSeconds: 5.5 },
} as const;

/**
 * What an hour without an event costs in Redis commands, as the service bills them: counted by the REST endpoint for as
 * long as is watched, and scaled to an hour. Streams end within 60 s, so that handovers are in it; no subscription is cut,
 * so none is to be renewed. The same with time moved by hand, for whole hours: `tests/server/idle-cost.test.ts`.
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
    // At the same time: they do next to nothing, and nothing is timed.
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

/** @throws Error when no stream handed over: then not what is meant was counted. */
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
