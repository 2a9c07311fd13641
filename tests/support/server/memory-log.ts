import type { LogState } from '../../../lib/core/continuity.ts';
import { newEpoch } from '../../../lib/core/cursor.ts';
import { FeedError } from '../../../lib/core/feed-error.ts';
import { beforeFirst, compareEventIds } from '../../../lib/core/ids.ts';
import {
  type AppendRequest,
  type AppendResult,
  type ChannelRules,
  channelEnded,
  defaultRules,
  type EventAttributes,
  type EventLog,
  type FollowSignal,
  keyLifeMs,
  keyReused,
  type LogEvent,
  type NewEvent,
  type ReadFrom,
  tooManySubjects,
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

type Kept = {
  readonly epoch: string;
  readonly events: readonly Stored[];
  /** Subject → its latest event, also if it has expired. */
  readonly latest: ReadonlyMap<string, Stored>;
  /** When the channel is deleted, Unix time in ms. */
  readonly dueAt: number;
};

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
  readonly rules?: (channel: string) => ChannelRules;
  readonly now: () => number;
  readonly random?: () => number;
};

/** Creates an empty log. */
export function createMemoryLog({
  retention = 10_000,
  rules = () => defaultRules(retention),
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
  const find = (channel: string) => alive(channels.get(channel), now());
  const eventsOf = (channel: string) => find(channel)?.events ?? [];

  function keep(channel: string, events: readonly Stored[], latest = find(channel)?.latest): void {
    const kept = find(channel);
    if (kept === undefined || events.length === 0) channels.delete(channel);
    else channels.set(channel, { ...kept, events, latest: latest ?? kept.latest });
  }

  function append({ events, key, limits = [] }: AppendRequest): AppendResult {
    const known = key === null ? undefined : keys.get(key.name);
    if (key !== null && known !== undefined && now() - known.at < keyLifeMs) {
      if (known.fingerprint !== key.fingerprint) throw keyReused();
      return { ids: known.ids, duplicate: true };
    }
    if (events.some(({ channel }) => broken.has(channel))) throw new FeedError('log-unavailable', 'broken');
    const groups = Map.groupBy(events, ({ channel }) => channel);
    for (const channel of groups.keys()) {
      const last = eventsOf(channel).at(-1);
      if (last?.attributes?.end) throw channelEnded(channel, last.id);
    }
    allowances.check(limits, events.length);
    for (const [channel, group] of groups) checkSubjects(channel, group);
    allowances.spend(limits, events.length);
    const added = new Map<string, { epoch: string; events: Stored[] }>();
    const ids = events.map(({ channel, type, data, attributes }) => {
      const parent = added.get(channel)?.events.at(-1) ?? eventsOf(channel).at(-1) ?? null;
      const epoch = added.get(channel)?.epoch ?? find(channel)?.epoch ?? newEpoch(random);
      const last = parent?.id ?? beforeFirst;
      const id = { time: Math.max(now(), last.time), seq: last.seq + 1 };
      const event: Stored = {
        ...{ id, type, data, channel, epoch, parent, serial: stored.length + 1 },
        ...(attributes === undefined ? {} : { attributes }),
      };
      stored.push(event);
      const group = added.get(channel) ?? { epoch, events: [] };
      group.events.push(event);
      added.set(channel, group);
      return id;
    });
    for (const [channel, group] of added) {
      const { retentionEvents, retentionSeconds, expireAfterEndSeconds } = rules(channel);
      const all = [...eventsOf(channel), ...group.events].slice(-retentionEvents);
      const oldest = retentionSeconds === null ? 0 : now() - retentionSeconds * 1_000;
      const latest = new Map(find(channel)?.latest);
      for (const event of group.events) applyTo(latest, event);
      const isEnd = group.events.at(-1)?.attributes?.end === true;
      const dueAt =
        isEnd && expireAfterEndSeconds !== null ? now() + expireAfterEndSeconds * 1_000 : Infinity;
      const kept = all.filter(({ id }) => id.time >= oldest);
      channels.set(channel, { epoch: group.epoch, events: kept, latest, dueAt });
    }
    if (key !== null) keys.set(key.name, { fingerprint: key.fingerprint, ids, at: now() });
    for (const [channel, { epoch, events: told }] of added) {
      const plain = told.map(plainOf);
      for (const follower of [...followers]) {
        if (follower.channel === channel) follower.tell({ kind: 'events', epoch, events: plain });
      }
    }
    return { ids, duplicate: false };
  }

  /** @throws FeedError `too-many-subjects` */
  function checkSubjects(channel: string, added: readonly NewEvent[]): void {
    const before = [...(find(channel)?.latest ?? [])].filter(([, event]) => !isOver(event, now()));
    const subjects = new Set(before.map(([subject]) => subject));
    let addsOne = false;
    for (const [subject, { remove }] of finalAttributes(added)) {
      if (remove) subjects.delete(subject);
      else {
        addsOne ||= !subjects.has(subject);
        subjects.add(subject);
      }
    }
    const { maxSubjects } = rules(channel);
    if (addsOne && subjects.size > maxSubjects) throw tooManySubjects(channel, subjects.size, maxSubjects);
  }

  const readable = (channel: string) => alive((replica ?? channels).get(channel), now());

  return {
    kind: 'embedded',
    mayEvict: () => false,
    append: async (request) => append(request),
    async read(channel, from, limit) {
      const kept = readable(channel);
      const events = select(kept?.events ?? [], from, limit, now());
      return { state: stateOf(kept), events: events.map(plainOf) };
    },
    async latest(channel, afterSeq, limit) {
      const kept = readable(channel);
      const valid = [...(kept?.latest.values() ?? [])].filter((event) => !isOver(event, now()));
      const rest = valid.filter(({ id }) => id.seq > afterSeq).sort((a, b) => a.id.seq - b.id.seq);
      const events = first(rest.slice(0, limit));
      return { state: stateOf(kept), events: events.map(plainOf), more: events.length < rest.length };
    },
    ends: async (names) => new Map(names.map((name) => [name, stateOf(readable(name))])),
    async forget(channel) {
      channels.delete(channel);
      for (const follower of [...followers])
        if (follower.channel === channel) follower.tell({ kind: 'unsure' });
    },
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
    loseEnd(channel, count) {
      const left = eventsOf(channel).slice(0, -count);
      keep(channel, left, foldOf(left.at(-1) ?? null));
    },
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
  const ended = last.attributes?.end === true ? ({ ended: true } as const) : {};
  return { epoch: kept.epoch, first: first.id, last: last.id, ...ended };
}

/** What is kept, if its time is not over. */
function alive(kept: Kept | undefined, now: number): Kept | undefined {
  return kept !== undefined && kept.dueAt > now ? kept : undefined;
}

function plainOf({ id, type, data, attributes }: LogEvent): LogEvent {
  return attributes === undefined ? { id, type, data } : { id, type, data, attributes };
}

/** Whether the event has expired. */
function isOver({ id, attributes }: LogEvent, now: number): boolean {
  return attributes?.ttlMs !== undefined && id.time + attributes.ttlMs <= now;
}

/** What the last event of each subject says. */
function finalAttributes(events: readonly NewEvent[]): ReadonlyMap<string, EventAttributes> {
  const found = new Map<string, EventAttributes>();
  for (const { attributes } of events) {
    if (attributes?.subject !== undefined) found.set(attributes.subject, attributes);
  }
  return found;
}

function applyTo(latest: Map<string, Stored>, event: Stored): void {
  const { subject, remove } = event.attributes ?? {};
  if (subject === undefined) return;
  if (remove) latest.delete(subject);
  else latest.set(subject, event);
}

/** The state after an event: the fold of it and of all events that it was stored after. */
function foldOf(last: Stored | null): ReadonlyMap<string, Stored> {
  const chain: Stored[] = [];
  for (let event = last; event !== null; event = event.parent) chain.push(event);
  const latest = new Map<string, Stored>();
  for (const event of chain.reverse()) applyTo(latest, event);
  return latest;
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
