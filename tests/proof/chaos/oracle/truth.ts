import { emptyLife, type Fact, type Life, type Lives, seqOf, trimmedUpTo } from './history.ts';
import { judgeStates } from './judge-state.ts';

/** The events that Redis has in a channel now, oldest first. */
export type Kept = { readonly epoch: string; readonly events: readonly Fact[] };

/** What was really stored. Redis itself reports it, not the app. */
export type Truth = {
  readonly lives: Lives;
  /** Failures of the log itself. */
  readonly faults: readonly string[];
  /** Records stored events, from an announcement or from the log. It may be called again with the same events. */
  store(epoch: string, events: readonly Fact[]): void;
  /** The last known seq of a channel's current life. */
  lastSeq(channel: string): number;
  /**
   * Records what Redis has in a channel. Older events were deleted; no other event may be missing.
   * @param upTo the last seq that was known before Redis was asked. Events announced since may be newer than its answer.
   */
  compare(channel: string, kept: Kept | null, upTo: number): void;
  /**
   * Compares the state that Redis has of a channel with the fold of its events up to `id`, the last one that Redis had at the
   * same moment. Call it after `compare`.
   */
  compareState(channel: string, id: string, subjects: ReadonlyMap<string, string>): void;
  /** Records a loss of data: in each channel the events up to this seq are left, or none. */
  lose(left: ReadonlyMap<string, number>): void;
};

export function createTruth(channels: readonly string[]): Truth {
  const lives = new Map<string, Life[]>(channels.map((channel) => [channel, [emptyLife()]]));
  const faults: string[] = [];
  const currentOf = (channel: string): Life => {
    const life = lives.get(channel)?.at(-1);
    if (life === undefined) throw new Error(`There is no channel ${channel}.`);
    return life;
  };

  function store(epoch: string, events: readonly Fact[]): void {
    for (const event of events) {
      const life = currentOf(event.channel);
      life.epoch ??= epoch;
      if (life.epoch !== epoch) {
        faults.push(`${event.channel}: ${event.id} is of epoch ${epoch} where the log is ${life.epoch}`);
        continue;
      }
      const known = life.events[event.seq - 1];
      if (known === undefined) life.events[event.seq - 1] = event;
      else if (known.id !== event.id || known.text !== event.text) {
        faults.push(`${event.channel}: seq ${event.seq} was issued for ${known.id} and ${event.id}`);
      }
    }
  }

  return {
    lives,
    faults,
    store,
    lastSeq: (channel) => currentOf(channel).events.length,
    compare(channel, kept, upTo) {
      const life = currentOf(channel);
      const isKept = new Set(kept?.events.map(({ id }) => seqOf(id)));
      if (kept !== null) {
        const [first] = kept.events;
        store(kept.epoch, kept.events);
        const upTo = (first?.seq ?? 1) - 1;
        if (upTo > trimmedUpTo(life, Infinity)) life.trims.push({ at: performance.now(), upTo });
      }
      const missing = life.events
        .slice(trimmedUpTo(life, Infinity), upTo)
        .filter((event) => event !== undefined && !isKept.has(event.seq));
      if (missing.length > 0)
        faults.push(`${channel}: the log lost ${missing.length}, from ${missing[0]?.id}`);
    },
    compareState(channel, id, subjects) {
      const life = currentOf(channel);
      const snapshot = { reader: 'log', channel, epoch: life.epoch, id, subjects };
      faults.push(...judgeStates(new Map([[channel, [life]]]), [snapshot]).map(({ what }) => what));
    },
    lose(left) {
      for (const [channel, own] of lives) {
        const life = currentOf(channel);
        const upTo = left.get(channel) ?? 0;
        const rest = { ...life, events: life.events.slice(0, upTo), trims: [...life.trims] };
        own.push(upTo === 0 ? emptyLife() : rest);
      }
    },
  };
}
