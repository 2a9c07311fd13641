import { isIgnoredParameter } from '../../config/ignored-parameters.ts';
import { type Cursor, parseCursor, parseLastCursor } from '../../core/cursor.ts';
import { FeedError } from '../../core/feed-error.ts';
import { defaultChannel, type EventId, parseEventId, parseName, parseSubject } from '../../core/ids.ts';
import { excerpt } from '../../core/safe-text.ts';
import {
  maxChannels,
  maxSubjectFilters,
  maxTypes,
  parseRewind,
  type ReadQuery,
  type Start,
} from '../stream/start-position.ts';
import { filterFor } from '../tail/ring-buffer.ts';

/** The query of a stream. */
export type StreamQuery = ReadQuery & {
  /** The reader wants the state of its only channel first, if it has no cursor. */
  readonly isLatest: boolean;
  /** The longest silence that the reader wants, in ms; infinite if the server may decide. */
  readonly heartbeatMs: number;
  /** For how long the reader has had no event, in ms; null: it does not know the handover `quiet`. */
  readonly quietMs: number | null;
};

/** The query of a page. */
export type PageQuery = ReadQuery & {
  /** How many events to read, 1 to 500; a filter then drops some. */
  readonly limit: number;
  /** How long to hold the request while there are no events, 0 to 20 s. */
  readonly waitSeconds: number;
  /** The pause before this poll of a reader at rest, in ms; 0: the reader does not rest. */
  readonly restMs: number;
  /** Read backwards, the events before this id; null: forwards. */
  readonly before: EventId | null;
  /** Read the state of the only channel; null: read its events. */
  readonly latest: LatestQuery | null;
};

/** Which page of a channel's state to read. */
export type LatestQuery =
  | { readonly kind: 'first' }
  /** The page after the event `after`. `at`: the cursor of the first page. */
  | { readonly kind: 'next'; readonly after: EventId; readonly at: Cursor };

/** Polyfills of EventSource send the cursor under these names in the query, because a header would cost a preflight. */
const lastEventIdNames = ['lastEventId', 'last-event-id', 'evs_last_event_id'] as const;

const readParameters = ['channel', 'type', 'subject', 'latest', 'after', 'rewind', 'token'] as const;
const streamParameters = [...readParameters, 'heartbeat', 'quiet', ...lastEventIdNames] as const;
const pageParameters = [...readParameters, 'limit', 'wait', 'rest', 'before'] as const;

/**
 * Reads the query of a stream.
 * @param lastEventId the header of that name. It wins over the query: a native EventSource keeps its URL when it comes back.
 * @throws FeedError `bad-request`, which names the parameter.
 */
export function parseStreamQuery(params: URLSearchParams, lastEventId: string | null): StreamQuery {
  refuseUnknownParameters(params, streamParameters);
  const query = parseReadQuery(params, [
    { what: 'Last-Event-ID', text: lastEventId ?? '' },
    ...lastEventIdNames.map((name) => ({ what: name, text: params.getAll(name).join(', ') })),
  ]);
  const quietSeconds = wholeNumber(params, 'quiet', Infinity, 0, 999_999_999);
  const latest = parseLatest(params, query.channels, ['rewind']);
  if (latest !== null && latest !== '') {
    throw new FeedError(
      'bad-request',
      `latest: "${excerpt(latest)}" is not valid. A stream takes it without a value.`,
    );
  }
  return {
    ...query,
    isLatest: latest !== null,
    heartbeatMs: wholeNumber(params, 'heartbeat', Infinity, 2, 300) * 1_000,
    quietMs: quietSeconds === Infinity ? null : quietSeconds * 1_000,
  };
}

/** A cursor that wins over the rest of the query, and its name for an error. */
type Resume = { readonly what: string; readonly text: string };

function parseReadQuery(params: URLSearchParams, resumes: readonly Resume[]): ReadQuery {
  const channels = names(params, 'channel', maxChannels);
  const types = names(params, 'type', maxTypes);
  const subjects = names(params, 'subject', maxSubjectFilters, parseSubject);
  if (channels.length === 0) channels.push(defaultChannel);
  return {
    channels,
    filter: filterFor(types, subjects),
    start: parseStart(params, channels, resumes),
  };
}

/** Reads the query of a page. @throws FeedError `bad-request`, which names the parameter. */
export function parsePageQuery(params: URLSearchParams): PageQuery {
  refuseUnknownParameters(params, pageParameters);
  const query = parseReadQuery(params, []);
  const before = single(params, 'before');
  if (before !== null && query.channels.length > 1) {
    throw new FeedError('bad-request', 'before: History is read from one channel. Ask for one channel only.');
  }
  return {
    ...query,
    limit: wholeNumber(params, 'limit', 100, 1, 500),
    waitSeconds: wholeNumber(params, 'wait', 0, 0, 20),
    restMs: wholeNumber(params, 'rest', 0, 1, 60) * 1_000,
    before: before === null ? null : parseEventId(before, 'before'),
    latest: parseLatestPage(params, query),
  };
}

function parseLatestPage(params: URLSearchParams, { channels, start }: ReadQuery): LatestQuery | null {
  const text = parseLatest(params, channels, ['before', 'rewind', 'wait', 'rest']);
  if (text === null) return null;
  const after = text === '' ? null : parseEventId(text, 'latest');
  if (after === null && start.kind === 'now') return { kind: 'first' };
  if (after !== null && start.kind === 'cursor') return { kind: 'next', after, at: start.cursor };
  const fault =
    after === null
      ? 'It has no value, but the request has after. Give it the next of the page before, or leave after out.'
      : 'The next page needs after, the cursor of the first page. Send both, or latest without a value.';
  throw new FeedError('bad-request', `latest: ${fault}`);
}

/** The value of `latest`; null: the request has none. @param others parameters that cannot stand beside it. */
function parseLatest(
  params: URLSearchParams,
  channels: readonly string[],
  others: readonly string[],
): string | null {
  const text = single(params, 'latest');
  if (text === null) return null;
  if (channels.length > 1) {
    throw new FeedError(
      'bad-request',
      'latest: The state is read from one channel. Ask for one channel only.',
    );
  }
  const other = others.find((name) => params.has(name));
  if (other === undefined) return text;
  throw new FeedError('bad-request', `latest: ${other} cannot stand beside it. Leave one of the two out.`);
}

/** Checks the query of a publish request, which has no parameters. @throws FeedError `bad-request`, which names the parameter. */
export function checkPublishQuery(params: URLSearchParams): void {
  refuseUnknownParameters(params, []);
}

function refuseUnknownParameters(params: URLSearchParams, known: readonly string[]): void {
  const unknown = [...params.keys()].find((name) => !known.includes(name) && !isIgnoredParameter(name));
  if (unknown === undefined) return;
  const nearest = nearestName(unknown, known);
  const sentences = [
    `query: "${excerpt(unknown)}" is not a parameter of this request.`,
    nearest === null ? '' : `Did you mean "${nearest}"?`,
    known.length > 0
      ? `Use only: ${known.join(', ')}.`
      : 'A publish request has none: write the channel and the type into the body, and send a token as Authorization: Bearer.',
  ];
  throw new FeedError('bad-request', sentences.filter((sentence) => sentence !== '').join(' '));
}

/** The known name that a wrong name probably stands for; null if none is near. */
function nearestName(wrong: string, known: readonly string[]): string | null {
  const plain = (name: string) => name.toLowerCase().replaceAll(/[-_]/g, '');
  const text = plain(wrong);
  // A long name is near to none of them, and would take long to compare.
  if (text === '' || text.length > 30) return null;
  const ranked = known
    .map((name) => ({ name, edits: plain(name).startsWith(text) ? 1 : editDistance(text, plain(name)) }))
    .toSorted((a, b) => a.edits - b.edits);
  const [best] = ranked;
  return best !== undefined && best.edits <= Math.min(2, text.length / 3) ? best.name : null;
}

/** How many characters one must add, drop or replace to make `b` of `a` (Levenshtein distance). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (const [i, character] of [...a].entries()) {
    const next = [i + 1];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (character === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

function names(params: URLSearchParams, name: string, max: number, parse = parseName): string[] {
  const found = new Set(params.getAll(name).map((text) => parse(text, name)));
  if (found.size <= max) return [...found];
  throw new FeedError(
    'bad-request',
    `${name}: The request has ${found.size}; the limit is ${max}. Split it into several requests.`,
  );
}

function parseStart(params: URLSearchParams, channels: readonly string[], resumes: readonly Resume[]): Start {
  const resume = resumes.find(({ text }) => /[^,\s]/.test(text));
  if (resume) return { kind: 'cursor', cursor: parseLastCursor(resume.text, channels, resume.what) };
  const after = single(params, 'after');
  if (after !== null) return { kind: 'cursor', cursor: parseCursor(after, channels, 'after') };
  const rewind = single(params, 'rewind');
  return rewind === null ? { kind: 'now' } : { kind: 'rewind', rewind: parseRewind(rewind) };
}

function single(params: URLSearchParams, name: string): string | null {
  const all = params.getAll(name);
  if (all.length <= 1) return all[0] ?? null;
  throw new FeedError('bad-request', `${name}: The request has it ${all.length} times. Send it once.`);
}

function wholeNumber(
  params: URLSearchParams,
  name: string,
  fallback: number,
  min: number,
  max: number,
): number {
  const text = single(params, name);
  if (text === null) return fallback;
  const value = Number(text);
  if (/^\d{1,9}$/.test(text) && value >= min && value <= max) return value;
  throw new FeedError(
    'bad-request',
    `${name}: "${excerpt(text)}" is not valid. Use a whole number from ${min} to ${max}.`,
  );
}
