import type { LogState } from '../../core/continuity.ts';
import { type Position, parseCursor } from '../../core/cursor.ts';
import { FeedError } from '../../core/feed-error.ts';
import {
  beforeFirst,
  compareEventIds,
  defaultChannel,
  type EventId,
  idBefore,
  parseEventId,
  parseName,
} from '../../core/ids.ts';
import { excerpt } from '../../core/safe-text.ts';
import type { EventLog, LogPage } from '../../log/event-log.ts';

/** Where a reader begins that has no cursor. */
export type Rewind =
  /** The last `count` events kept. */
  | { readonly kind: 'count'; readonly count: number }
  /** The events of the last `ageMs`, by the log's time. */
  | { readonly kind: 'age'; readonly ageMs: number }
  /** The oldest kept. */
  | { readonly kind: 'all' };

/** Where a request begins to read: its cursor, else its rewind, else now. */
type Start =
  | { readonly kind: 'cursor'; readonly cursor: ReadonlyMap<string, Position> }
  | { readonly kind: 'rewind'; readonly rewind: Rewind }
  | { readonly kind: 'now' };

/** What both transports ask for. */
export type ReadQuery = {
  /** 1 to 20 names, each once. */
  readonly channels: readonly string[];
  /** Types to deliver; null: all. */
  readonly types: ReadonlySet<string> | null;
  readonly start: Start;
};

/** What a page asks for besides. */
export type PageQuery = ReadQuery & {
  /** Events looked at, 1 to 500. */
  readonly limit: number;
  /** How long to hold the request while there is nothing to answer, 0 to 20 s. */
  readonly waitSeconds: number;
  /** Page backwards, ahead of this id; null: forwards. */
  readonly before: EventId | null;
};

const maxChannels = 20;
const maxTypes = 100;

/**
 * Reads the query of a stream.
 * @param lastEventId the header of that name; it wins over `after`, because a native reader keeps its URL when it comes back.
 * @throws FeedError `bad-request`, naming the part.
 */
export function parseReadQuery(params: URLSearchParams, lastEventId: string | null): ReadQuery {
  const channels = names(params, 'channel', maxChannels);
  const types = names(params, 'type', maxTypes);
  if (channels.length === 0) channels.push(defaultChannel);
  return {
    channels,
    types: types.length === 0 ? null : new Set(types),
    start: parseStart(params, channels, lastEventId),
  };
}

/** Reads the query of a page. @throws FeedError `bad-request`, naming the part. */
export function parsePageQuery(params: URLSearchParams): PageQuery {
  const query = parseReadQuery(params, null);
  const before = single(params, 'before');
  if (before !== null && query.channels.length > 1) {
    throw new FeedError(
      'bad-request',
      'before: pages backwards through one channel; allowed is one "channel"',
    );
  }
  return {
    ...query,
    limit: wholeNumber(params, 'limit', 100, 1, 500),
    waitSeconds: wholeNumber(params, 'wait', 0, 0, 20),
    before: before === null ? null : parseEventId(before, 'before'),
  };
}

function names(params: URLSearchParams, what: string, max: number): string[] {
  const found = new Set(params.getAll(what).map((text) => parseName(text, what)));
  if (found.size <= max) return [...found];
  throw new FeedError(
    'bad-request',
    `${what}: ${found.size} are asked for; allowed are ${max} in one request`,
  );
}

function parseStart(params: URLSearchParams, channels: readonly string[], lastEventId: string | null): Start {
  if (lastEventId) return { kind: 'cursor', cursor: parseCursor(lastEventId, channels, 'Last-Event-ID') };
  const after = single(params, 'after');
  if (after !== null) return { kind: 'cursor', cursor: parseCursor(after, channels, 'after') };
  const rewind = single(params, 'rewind');
  return rewind === null ? { kind: 'now' } : { kind: 'rewind', rewind: parseRewind(rewind) };
}

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000 } as const;

function parseRewind(text: string): Rewind {
  if (text === 'all') return { kind: 'all' };
  const match = /^(\d{1,9})([smh]?)$/.exec(text);
  if (match === null) {
    throw new FeedError(
      'bad-request',
      `rewind: "${excerpt(text)}" is not understood; allowed are a count such as 50, an age such as 30s, 10m or 2h, both of up to 9 digits, and all`,
    );
  }
  const value = Number(match[1]);
  const unit = match[2] as keyof typeof unitMs | '';
  return unit === '' ? { kind: 'count', count: value } : { kind: 'age', ageMs: value * unitMs[unit] };
}

function single(params: URLSearchParams, what: string): string | null {
  const all = params.getAll(what);
  if (all.length <= 1) return all[0] ?? null;
  throw new FeedError('bad-request', `${what}: given ${all.length} times; allowed is once`);
}

function wholeNumber(
  params: URLSearchParams,
  what: string,
  fallback: number,
  min: number,
  max: number,
): number {
  const text = single(params, what);
  if (text === null) return fallback;
  const value = Number(text);
  if (/^\d{1,9}$/.test(text) && value >= min && value <= max) return value;
  throw new FeedError(
    'bad-request',
    `${what}: "${excerpt(text)}" is not allowed; allowed is a whole number from ${min} to ${max}`,
  );
}

/**
 * Finds the position where a request begins in each channel.
 * @param endOf the end of a channel's log, for those that begin now.
 */
export async function resolveStart(
  log: EventLog,
  channels: readonly string[],
  start: Start,
  endOf: (channel: string) => Position,
): Promise<Map<string, Position>> {
  const positionOf = async (channel: string): Promise<Position> => {
    if (start.kind === 'rewind') return rewound(log, channel, start.rewind);
    return (start.kind === 'cursor' && start.cursor.get(channel)) || endOf(channel);
  };
  return new Map(
    await Promise.all(channels.map(async (channel) => [channel, await positionOf(channel)] as const)),
  );
}

/**
 * The position where a request begins in each channel, where that is known without asking the log; else null.
 * @param endOf the end of a channel's log as this process knows it; null where it does not.
 */
export function knownStart(
  channels: readonly string[],
  start: Start,
  endOf: (channel: string) => Position | null,
): Map<string, Position> | null {
  if (start.kind === 'rewind') return null;
  const positions = new Map<string, Position>();
  for (const channel of channels) {
    const end = endOf(channel);
    const position = start.kind === 'now' ? end : (start.cursor.get(channel) ?? end);
    if (end === null || position === null || lacksEpoch(position, end)) return null;
    positions.set(channel, position);
  }
  return positions;
}

/** Whether a position's epoch has to be asked for: not that of a reader at the end of an empty log, which was told none. */
function lacksEpoch({ id, epoch }: Position, end: Position | null): boolean {
  return epoch === null && (end?.epoch !== null || compareEventIds(end.id, id) !== 0);
}

/**
 * Adds the log's epoch to positions whose reader sent none. It is asked of the log, for a process may still remember one
 * that was lost; but not for a reader that comes back to the end of an empty log, which is told no epoch.
 * @param endOf the end of a channel's log as this process knows it; null where it does not.
 */
export async function settleEpochs(
  log: EventLog,
  start: Start,
  endOf: (channel: string) => Position | null,
): Promise<Start> {
  if (start.kind !== 'cursor') return start;
  const bare = [...start.cursor].flatMap(([channel, position]) =>
    lacksEpoch(position, endOf(channel)) ? [channel] : [],
  );
  if (bare.length === 0) return start;
  const ends = await log.ends(bare);
  const cursor = new Map(start.cursor);
  for (const [channel, { id, epoch }] of start.cursor) {
    cursor.set(channel, { id, epoch: epoch ?? ends.get(channel)?.epoch ?? null });
  }
  return { kind: 'cursor', cursor };
}

/** The position at the end of a log: what "now" means there. */
export function positionAtEnd(state: LogState): Position {
  return state === null ? { id: beforeFirst, epoch: null } : { id: state.last, epoch: state.epoch };
}

async function rewound(log: EventLog, channel: string, rewind: Rewind): Promise<Position> {
  switch (rewind.kind) {
    case 'all':
      return positionAhead(await log.read(channel, { kind: 'after', id: beforeFirst }, 1));
    case 'age':
      return positionAhead(await log.read(channel, { kind: 'since', ageMs: rewind.ageMs }, 1));
    case 'count': {
      if (rewind.count === 0) return positionAtEnd((await log.ends([channel])).get(channel) ?? null);
      return positionAhead(await log.read(channel, { kind: 'last', count: rewind.count }, 1));
    }
  }
}

/** The position ahead of the page's first event; at the log's end where there is none. */
function positionAhead({ state, events: [first] }: LogPage): Position {
  return state === null || first === undefined
    ? positionAtEnd(state)
    : { id: idBefore(first.id), epoch: state.epoch };
}
