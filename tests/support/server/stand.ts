import { type Environment, readSettings } from '../../../lib/config/settings.ts';
import { formatCursor } from '../../../lib/core/cursor.ts';
import { eventsRoute } from '../../../lib/server/http/events-route.ts';
import { healthRoute } from '../../../lib/server/http/health-route.ts';
import { streamRoute } from '../../../lib/server/http/stream-route.ts';
import { createRuntime, type Runtime } from '../../../lib/server/runtime.ts';
import { createLivenessChecks } from '../../../lib/server/tail/liveness-check.ts';
import { createReplicaWait } from '../../../lib/server/tail/replica-wait.ts';
import type { Segment } from '../../../lib/server/tail/ring-buffer.ts';
import { createTail, type ReadableTail, type Tail } from '../../../lib/server/tail/tail.ts';
import { newEvents } from '../log/log-steps.ts';
import { createFaultyLog, type FaultyLog } from './faulty-log.ts';
import { createManualClock, type ManualClock } from './manual-clock.ts';
import { createMemoryLog, type MemoryLog } from './memory-log.ts';

/** A server whose clock stands still and whose log does what a test wants. */
export type Stand = {
  readonly clock: ManualClock;
  /** The log as it really is; publishing here never fails. */
  readonly memory: MemoryLog;
  /** The log as the server sees it. */
  readonly log: FaultyLog;
  readonly runtime: Runtime;
  /** Stores `count` events, numbered from 1 within the call, all at once. */
  publish(count?: number, channel?: string): Promise<void>;
  /** Starts a separate tail, and lets it read. */
  tail(channel?: string): Promise<Tail>;
  /** Handles a request for `path`, for example `stream?rewind=all`. */
  ask(path: string, init?: RequestInit): Promise<Response>;
  /** The cursor after a channel's newest event. */
  cursorAtEnd(channel?: string): string;
};

export type StandOptions = {
  readonly env?: Environment;
  readonly retention?: number;
  readonly seed?: number;
};

/** Creates a stand. */
export function makeStand({ env = {}, retention = 10_000, seed = 1 }: StandOptions = {}): Stand {
  const clock = createManualClock(seed);
  const memory = createMemoryLog({ retention, now: clock.now, random: clock.random });
  const log = createFaultyLog(memory, clock);
  const runtime = createRuntime(readSettings(env), clock, log);
  const routes = {
    stream: streamRoute(300, () => runtime),
    events: eventsRoute(() => runtime),
    health: healthRoute(() => runtime),
  };
  return {
    clock,
    memory,
    log,
    runtime,
    async publish(count = 1, channel = 'feed') {
      await memory.append({ events: newEvents(channel, count), key: null });
    },
    async tail(channel = 'feed') {
      const checks = createLivenessChecks(log, clock);
      const tail = createTail({
        log,
        channel,
        clock,
        checkMs: 60_000,
        checks,
        replicaWait: createReplicaWait(log, clock),
      });
      await clock.advance(0);
      return tail;
    },
    ask(path, init) {
      const [name] = path.split('?');
      if (name !== 'stream' && name !== 'events' && name !== 'health') throw new Error(`no route ${name}`);
      return routes[name](new Request(`http://feed.test/api/${path}`, init));
    },
    cursorAtEnd(channel = 'feed') {
      const last = memory.kept(channel).at(-1);
      if (last === undefined) throw new Error(`${channel} is empty`);
      return formatCursor(new Map([[channel, last]]));
    },
  };
}

/** The seqs a segment holds. */
export function seqsIn(segment: Segment): number[] {
  return segment.entries.map(({ id }) => id.seq);
}

/** The newest events that a tail has in memory. */
export function ringOf(tail: ReadableTail): Segment {
  const ring = tail.find(tail.end());
  if (ring === null) throw new Error('a tail always finds its own end');
  return ring;
}
