import type { LocalUpstash } from '../../../../scripts/local-upstash/local-upstash.ts';
import type { Seeded } from '../../../support/seeded.ts';
import type { Weather } from '../network/weather.ts';
import type { TailReader } from '../readers/tail-reader.ts';
import type { Fleet } from '../servers/fleet.ts';
import type { LaggingReplica } from '../servers/lagging-replica.ts';
import type { RedisPlace } from '../servers/redis-place.ts';

/** All that faults happen to. */
export type Stage = {
  readonly weather: Weather;
  readonly fleet: Fleet;
  readonly redis: RedisPlace;
  readonly replica: LaggingReplica;
  readonly upstash: LocalUpstash;
  /** Readers that are processes. */
  readonly tails: readonly TailReader[];
  /** How long readers that run here take for an event, in ms. */
  readonly slowness: { ms: number };
};

/** What one blow of a fault is told. */
export type Blow = {
  /** Name of the fault, for the count. */
  readonly fault: string;
  readonly forMs: number;
  /** What else is drawn of it; seeded by the plan. */
  readonly draw: Seeded;
};

/** Something that goes wrong, as a user would name it. */
export type Fault = {
  readonly name: string;
  /** What it happens to: of two faults of one part, one waits for the other. Null: it goes with anything. */
  readonly part: 'redis' | 'calls' | 'announcements' | 'processes' | 'clocks' | null;
  /** Shortest and longest time, in seconds. */
  readonly seconds: readonly [number, number];
  /** Whether it is over for a reader when its connection is cut (`cut`), or for all when it ends (`all`). */
  readonly reach: 'cut' | 'all';
  /** Begins it, waits, ends it. */
  strike(stage: Stage, blow: Blow): Promise<void>;
};

/** Waits, in ms. */
export function lasting(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
