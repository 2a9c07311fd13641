import type { Contestant } from '../contestants.ts';
import { median } from '../figures.ts';
import type { RedisCounts, RedisStand } from '../redis-stand.ts';
import { loadOf, type Stand, settle, withRedis } from '../stand.ts';
import type { Case, Measured, Size } from './case.ts';

const contestants = ['steadfeedRedis', 'upstashRealtime'] as const;

const batches = { full: [1, 100, 500], smoke: [1, 100] } as const;

/** Counts of the REST endpoint: commands as the service bills them, and HTTP requests. */
export const redisCostCases: readonly Case[] = [
  {
    name: 'publish-redis',
    what: 'one publish request with this number of events',
    contestants,
    isCounted: true,
    figures: batches.full.flatMap((batch) =>
      [commandsOf(batch), requestsOf(batch)].map((name) => ({ name, unit: '', goals: [{ atMost: 1 }] })),
    ),
    run: countPublishing,
  },
  {
    name: 'reconnect-redis',
    what: '500 readers reconnect at once, each 40 events behind',
    contestants,
    isCounted: true,
    figures: [
      { name: 'Redis commands until all have caught up', unit: '', goals: [{ atMost: 2 }] },
      { name: 'time until all have caught up', unit: 'ms', goals: [] },
    ],
    run: countReconnecting,
  },
];

function commandsOf(batch: number): string {
  return `Redis commands, ${eventsText(batch)}`;
}

function requestsOf(batch: number): string {
  return `HTTP requests to Redis, ${eventsText(batch)}`;
}

function eventsText(count: number): string {
  return count === 1 ? '1 event' : `${count} events`;
}

/** Counts each request and reports the median, because a liveness check may fall into one of them. */
function countPublishing(contestant: Contestant, size: Size): Promise<Measured> {
  const count = async ({ publish }: Stand, redis: RedisStand): Promise<Measured> => {
    const figures: Record<string, number> = {};
    for (const batch of batches[size]) {
      const counts: RedisCounts[] = [];
      for (let done = 0; done < (size === 'full' ? 5 : 1); done += 1) {
        await redis.tell({ kind: 'reset' });
        await publish({ events: batch, batch });
        counts.push(await redis.tell({ kind: 'count' }));
      }
      figures[commandsOf(batch)] = median(counts.map(({ commands }) => commands));
      figures[requestsOf(batch)] = median(counts.map(({ requests }) => requests));
    }
    return { figures, clientLoad: 0 };
  };
  return withRedis(contestant, size, count, { warmRequests: 0 });
}

function countReconnecting(contestant: Contestant, size: Size): Promise<Measured> {
  const count = async ({ open, publish, tell }: Stand, redis: RedisStand): Promise<Measured> => {
    const readers = size === 'full' ? 500 : 20;
    await open(readers, { isLasting: true });
    // From the first event each reader knows its position.
    await publish({ events: 1 });
    await tell({ kind: 'cut' });
    await publish({ events: 40, batch: 10 });
    await settle(size);
    await redis.tell({ kind: 'reset' });
    const opened = await tell({ kind: 'return' });
    const rest = await tell({ kind: 'resume', events: 40 * readers });
    const { commands } = await redis.tell({ kind: 'count' });
    const wallMs = opened.wallMs + rest.wallMs;
    return {
      figures: {
        'Redis commands until all have caught up': commands,
        'time until all have caught up': wallMs,
      },
      clientLoad: loadOf({ wallMs, cpuMs: opened.cpuMs + rest.cpuMs }),
    };
  };
  return withRedis(contestant, size, count, { warmRequests: 0 });
}
