import type { LocalUpstash } from '../../../../scripts/local-upstash/local-upstash.ts';
import type { Seeded } from '../../../support/seeded.ts';
import type { FaultyNetwork } from '../network/faulty-network.ts';
import type { TailReader } from '../readers/tail-reader.ts';
import type { Fleet } from '../servers/fleet.ts';
import type { LaggingReplica } from '../servers/lagging-replica.ts';
import type { RedisHost } from '../servers/redis-host.ts';

/** The targets of faults. */
export type FaultTargets = {
  readonly network: FaultyNetwork;
  readonly fleet: Fleet;
  readonly redis: RedisHost;
  readonly replica: LaggingReplica;
  readonly upstash: LocalUpstash;
  /** Readers that are processes of their own. */
  readonly tails: readonly TailReader[];
  /** How long slow readers take for one event, in ms. */
  readonly slowness: { ms: number };
};

/** One occurrence of a fault. */
export type Occurrence = {
  /** The name of the fault, for the statistics. */
  readonly fault: string;
  readonly forMs: number;
  /** Random numbers for its details; the plan gives the seed. */
  readonly draw: Seeded;
};

/** A kind of fault. Its name is the one that a user would give it. */
export type Fault = {
  readonly name: string;
  /** The part that it strikes. Two faults of one part never overlap. Null: it may overlap with any fault. */
  readonly part: 'redis' | 'calls' | 'announcements' | 'processes' | 'clocks' | null;
  /** Shortest and longest duration, in seconds. */
  readonly seconds: readonly [number, number];
  /** When recovery starts. `cut`: for each reader, when its connection is cut. `all`: for all readers, when the fault ends. */
  readonly reach: 'cut' | 'all';
  /** Starts the fault, waits, and ends it. */
  inject(targets: FaultTargets, occurrence: Occurrence): Promise<void>;
};

/** Waits for this many ms. */
export function lasting(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
