import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { BenchServer } from '../bench-server.ts';
import { median } from '../figures.ts';
import { type GrowthStand, withGrowth } from '../growth-stand.ts';
import { loadOf, startLoad } from '../stand.ts';
import type { Case, Measured } from './case.ts';

/*
 * A night in minutes. A stream lives for 10 s instead of 300 s, so in 20 minutes each reader is handed over as often as in ten
 * hours. Beside that, readers are cut at random, the subscription to Redis is cut, and events are published in both ways.
 */

const readers = 300;
const cutsPerSecond = 3;

/** The time between two samples, in ms. */
const sampleMs = 1_000;

/** The time between two cuts of the subscription, in ms. */
const redisCutMs = 30_000;

/** Most that a figure of the end may be, compared with that of the beginning. */
const mostGrowth = 1.05;

const figures = ['resident memory', 'memory after garbage collection', 'open descriptors'] as const;

type Sample = Readonly<Record<(typeof figures)[number], number>>;

const atFirst = (figure: string) => `${figure}, first minute`;
const atLast = (figure: string) => `${figure}, last minute`;

/**
 * The night in so many minutes. After a warm-up of a fifth of it, the first minute and the last one are compared. A run shorter
 * than four minutes uses a quarter of it in place of each minute. Resident memory is judged from ten minutes on: V8 needs some
 * until it knows how large its heap should be.
 */
export function overnightCase(minutes: number): Case {
  return {
    name: 'overnight',
    what: `${readers} readers for ${minutes} minutes, streams of 10 s, ${cutsPerSecond} readers cut each second, the subscription to Redis cut twice a minute, 7 events a second`,
    contestants: ['steadfeedTcp'],
    figures: figures.flatMap((name) => {
      const unit = name === 'open descriptors' ? '' : 'MB';
      return [
        { name: atFirst(name), unit, cell: { row: name, column: 'first minute' }, goals: [] },
        {
          ...{ name: atLast(name), unit, cell: { row: name, column: 'last minute' } },
          goals:
            name === 'resident memory' && minutes < 10
              ? []
              : [{ to: [{ own: atFirst(name), as: 'the first minute' }], atMost: mostGrowth }],
        },
      ];
    }),
    isCounted: true,
    run: (contestant) =>
      withGrowth(contestant, 'full', 1, (stand) => measureNight(stand, minutes * 60_000), {
        STREAM_MAX_SECONDS: '10',
        LOG_LEVEL: 'error',
      }),
  };
}

async function measureNight(stand: GrowthStand, nightMs: number): Promise<Measured> {
  const { redisPort, append } = stand;
  const server = only(stand.servers);
  const target = only(stand.targets);
  using crowd = startLoad();
  using publisher = startLoad();
  const redis = new Redis({ host: '127.0.0.1', port: redisPort });
  const windowMs = Math.min(60_000, nightMs / 4);
  const startedAt = performance.now();
  await crowd.tell({ kind: 'open', target, count: readers, together: 20, isReading: true, isLasting: true });
  // What memory keeps of a channel is full from the beginning.
  await append({ events: 3_000, channels: null, batch: 20, perSecond: null }, 0);
  let load = { cpuMs: 0, wallMs: 0 };
  let cutAt = startedAt;

  async function liveFor(ms: number): Promise<readonly Sample[]> {
    const endsAt = performance.now() + ms;
    const samples: Sample[] = [];
    while (performance.now() < endsAt) {
      const seconds = Math.min(10, Math.max(1, (endsAt - performance.now()) / 1_000));
      const [lived] = await Promise.all([
        crowd.tell({ kind: 'live', seconds, cutsPerSecond }),
        append({ events: Math.ceil(5 * seconds), channels: null, batch: 1, perSecond: 5 }, 0),
        publisher.tell({
          ...{ kind: 'publish', target, events: Math.ceil(2 * seconds), batch: 1, together: 1, everyMs: 500 },
          ...{ isStepwise: false, isWaiting: false, bytes: 100 },
        }),
        sampleFor(server, seconds * 1_000, samples),
      ]);
      load = { cpuMs: load.cpuMs + lived.cpuMs, wallMs: load.wallMs + lived.wallMs };
      if (performance.now() - cutAt < redisCutMs) continue;
      cutAt = performance.now();
      await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    }
    return samples;
  }

  /** Collects garbage every ten seconds, so that V8's choice of the time for it decides nothing. */
  async function watch(): Promise<Sample> {
    const samples: Sample[] = [];
    const heldKb: number[] = [];
    for (const endsAt = performance.now() + windowMs; performance.now() < endsAt; ) {
      heldKb.push(await server.heldKb());
      samples.push(...(await liveFor(Math.min(10_000, endsAt - performance.now()))));
    }
    return summed(samples, median(heldKb));
  }

  try {
    await liveFor(startedAt + nightMs / 5 - performance.now());
    const first = await watch();
    await liveFor(startedAt + nightMs - windowMs - performance.now());
    const last = await watch();
    // A server that has lost its readers needs less.
    await crowd.tell({ kind: 'agree' });
    return {
      figures: Object.fromEntries(
        figures.flatMap((name) => [
          [atFirst(name), first[name]],
          [atLast(name), last[name]],
        ]),
      ),
      clientLoad: loadOf(load),
    };
  } finally {
    redis.disconnect();
  }
}

function only<T>(list: readonly T[]): T {
  const [first] = list;
  if (first === undefined) throw new Error('There is no server.');
  return first;
}

async function sampleFor(server: BenchServer, ms: number, samples: Sample[]): Promise<void> {
  for (const endsAt = performance.now() + ms; performance.now() < endsAt; await sleep(sampleMs)) {
    samples.push({
      'resident memory': server.residentKb() / 1_024,
      'memory after garbage collection': 0,
      'open descriptors': readdirSync(`/proc/${server.pid}/fd`).length,
    });
  }
}

function summed(samples: readonly Sample[], heldKb: number): Sample {
  return {
    'resident memory': median(samples.map((sample) => sample['resident memory'])),
    'memory after garbage collection': heldKb / 1_024,
    // The mean: at a handover a reader has two for a moment, and readers that came together are handed over together.
    'open descriptors': samples.reduce((sum, sample) => sum + sample['open descriptors'], 0) / samples.length,
  };
}
