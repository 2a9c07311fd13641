import type { LogState } from '../../../lib/core/continuity.ts';
import { newEpoch } from '../../../lib/core/cursor.ts';
import { FeedError } from '../../../lib/core/feed-error.ts';
import { beforeFirst, compareEventIds } from '../../../lib/core/ids.ts';
import {
  type AppendRequest,
  type AppendResult,
  type EventLog,
  type FollowSignal,
  keyLifeMs,
  keyReused,
  type LogEvent,
  type ReadFrom,
} from '../../../lib/log/event-log.ts';
import { createAllowances } from './allowances.ts';

/** An event that was stored, and the one it was stored after. */
export type Stored = LogEvent & {
  readonly channel: string;
  readonly epoch: string;
  /** Its number in the order of everything that was ever stored, from 1. */
  readonly serial: number;
  readonly parent: Stored | null;
};

type Kept = { readonly epoch: string; readonly events: readonly Stored[] };

/** A log in memory that keeps the port's promises and can have accidents. It is the model that tests compare with. */
export type MemoryLog = EventLog & {
  /** Everything that was ever stored, in order, also if it is gone by now. */
  readonly stored: readonly Stored[];
  /** The kept events of a channel, oldest first. */
  kept(channel: string): readonly Stored[];
  /** Loses all events of the channel, and its epoch. */
  empty(channel: string): void;
  /** Loses the newest `count` events; the epoch stays. */
  loseEnd(channel: string, count: number): void;
  /** Loses all but the newest `keep` events. */
  trim(channel: string, keep: number): void;
  /** Loses one event from the middle. */
  takeOut(channel: string, seq: number): void;
  /** From now on, reads see the log as it is now; appends and announcements continue. */
  lag(): void;
  /** Reads see everything again. */
  catchUp(): void;
  /** From now on, nothing can be stored in this channel. */
  breakChannel(channel: string): void;
  /** Loses everything, also the idempotency keys. */
  wipe(): void;
  /** Breaks every open subscription. */
  cut(): void;
};

type Follower = { readonly channel: string; readonly tell: (signal: FollowSignal) => void };

export type MemoryLogOptions = {
  readonly retention?: number;
  readonly now: () => number;
  readonly random?: () => number;
};

/** Creates an empty log. */
export function createMemoryLog({
  retention = 10_000,
  now,
  random = Math.random,
}: MemoryLogOptions): MemoryLog {
  let channels = new Map<string, Kept>();
  let replica: Map<string, Kept> | null = null;
  const stored: Stored[] = [];
  const keys = new Map<string, { fingerprint: string; ids: AppendResult['ids']; at: number }>();
  const allowances = createAllowances(now);
  const followers = new Set<Follower>();
  const broken = new Set<string>();
  const eventsOf = (channel: string) => channels.get(channel)?.events ?? [];

  function keep(channel: string, events: readonly Stored[]): void {
    const epoch = channels.get(channel)?.epoch;
    if (epoch === undefined || events.length === 0) channels.delete(channel);
    else channels.set(channel, { epoch, events });
  }

  function append({ events, key, limits = [] }: AppendRequest): AppendResult {
    const known = key === null ? undefined : keys.get(key.name);
    if (key !== null && known !== undefined && now() - known.at < keyLifeMs) {
      if (known.fingerprint !== key.fingerprint) throw keyReused();
      return { ids: known.ids, duplicate: true };
    }
    if (events.some(({ channel }) => broken.has(channel))) throw new FeedError('log-unavailable', 'broken');
    allowances.spend(limits, events.length);
    const added = new Map<string, { epoch: string; events: Stored[] }>();
    const ids = events.map(({ channel, type, data }) => {
      const parent = added.get(channel)?.events.at(-1) ?? eventsOf(channel).at(-1) ?? null;
      const epoch = added.get(channel)?.epoch ?? channels.get(channel)?.epoch ?? newEpoch(random);
      const last = parent?.id ?? beforeFirst;
      const id = { time: Math.max(now(), last.time), seq: last.seq + 1 };
      const event: Stored = { id, type, data, channel, epoch, parent, serial: stored.length + 1 };
      stored.push(event);
      const group = added.get(channel) ?? { epoch, events: [] };
      group.events.push(event);
      added.set(channel, group);
      return id;
    });
    for (const [channel, group] of added) {
      const all = [...eventsOf(channel), ...group.events];
      channels.set(channel, { epoch: group.epoch, events: all.slice(-retention) });
    }
    if (key !== null) keys.set(key.name, { fingerprint: key.fingerprint, ids, at: now() });
    for (const [channel, { epoch, events: told }] of added) {
      const plain = told.map(({ id, type, data }) => ({ id, type, data }));
      for (const follower of [...followers]) {
        if (follower.channel === channel) follower.tell({ kind: 'events', epoch, events: plain });
      }
    }
    return { ids, duplicate: false };
  }

  return {
    kind: 'embedded',
    append: async (request) => append(request),
    async read(channel, from, limit) {
      const kept = (replica ?? channels).get(channel);
      const events = select(kept?.events ?? [], from, limit, now());
      return { state: stateOf(kept), events: events.map(({ id, type, data }) => ({ id, type, data })) };
    },
    ends: async (names) => new Map(names.map((name) => [name, stateOf((replica ?? channels).get(name))])),
    follow(channel, onSignal, signal) {
      const follower: Follower = { channel, tell: (told) => !signal.aborted && onSignal(told) };
      queueMicrotask(() => {
        if (signal.aborted) return;
        followers.add(follower);
        signal.addEventListener('abort', () => followers.delete(follower), { once: true });
        follower.tell({ kind: 'connected' });
      });
    },
    close: () => followers.clear(),
    stored,
    kept: eventsOf,
    empty: (channel) => void channels.delete(channel),
    loseEnd: (channel, count) => keep(channel, eventsOf(channel).slice(0, -count)),
    trim: (channel, count) => keep(channel, eventsOf(channel).slice(-count)),
    takeOut: (channel, seq) =>
      keep(
        channel,
        eventsOf(channel).filter(({ id }) => id.seq !== seq),
      ),
    lag() {
      replica = new Map(channels);
    },
    catchUp() {
      replica = null;
    },
    breakChannel: (channel) => void broken.add(channel),
    wipe() {
      channels = new Map();
      keys.clear();
      allowances.clear();
    },
    cut() {
      for (const follower of [...followers]) {
        followers.delete(follower);
        follower.tell({ kind: 'lost', cause: new Error('cut') });
      }
    },
  };
}

function stateOf(kept: Kept | undefined): LogState {
  const [first] = kept?.events ?? [];
  const last = kept?.events.at(-1);
  if (kept === undefined || first === undefined || last === undefined) return null;
  return { epoch: kept.epoch, first: first.id, last: last.id };
}

function select(events: readonly Stored[], from: ReadFrom, limit: number, now: number): readonly Stored[] {
  switch (from.kind) {
    case 'after':
      return first(events.filter(({ id }) => compareEventIds(id, from.id) > 0).slice(0, limit));
    case 'before':
      return last(events.filter(({ id }) => compareEventIds(id, from.id) < 0).slice(-limit));
    case 'newest':
      return last(events.slice(-limit));
    case 'last':
      return first(events.slice(-from.count).slice(0, limit));
    case 'since':
      return first(events.filter(({ id }) => id.time >= now - from.ageMs).slice(0, limit));
  }
}

/** As many events as a page may have, from the first on; at least one. */
function first(events: readonly Stored[]): readonly Stored[] {
  let left = 1_500_000;
  const end = events.findIndex(({ data }) => {
    left -= data.length;
    return left < 0;
  });
  return end === -1 ? events : events.slice(0, Math.max(1, end));
}

function last(events: readonly Stored[]): readonly Stored[] {
  return first(events.toReversed()).toReversed();
}
