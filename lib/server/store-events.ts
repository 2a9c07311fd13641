import { createHash } from 'node:crypto';
import { schemaOf } from '../config/event-types.ts';
import { FeedError } from '../core/feed-error.ts';
import { defaultChannel, defaultType, formatEventId, parseName, parseSubject } from '../core/ids.ts';
import { excerpt } from '../core/safe-text.ts';
import type { EventAttributes, NewEvent } from '../log/event-log.ts';
import { publishLimits } from './admission.ts';
import type { Runtime } from './runtime.ts';
import { findTracer } from './tracer.ts';

/*
 * What `POST /api/events` and `publish()` have in common: from events as their publisher gave them to one append.
 */

/** Most bytes of one event as the log stores it, as JSON: channel, type, subject and data. */
export const maxEventBytes = 64 * 1024;

/** The longest life of an event that expires, in seconds: 30 days. */
export const maxTtlSeconds = 30 * 86_400;

/** Most faults of one event's data that a refusal names. */
const maxNamedFaults = 5;

/** An event as its publisher gave it. */
export type GivenEvent = {
  /** JSON; it should have the members of an event, but nothing is checked yet. */
  readonly value: unknown;
  /** Names the event in errors: `events[3]`. */
  readonly what: string;
};

/** An event that can be stored. */
export type CheckedEvent = NewEvent & {
  /** The JSON text of the data as the publisher gave it. `data` is what the type's schema made of it. */
  readonly given: string;
};

/**
 * Checks each event, and takes its data through the schema of its type.
 * @throws FeedError `bad-request`, `too-large` or `data-does-not-fit`, which names the event and the part. What a schema's own
 * code throws is thrown on.
 */
export async function checkEvents(events: readonly GivenEvent[]): Promise<readonly CheckedEvent[]> {
  const checked = await Promise.all(events.map(checkEvent));
  checkEnds(checked, events);
  return checked;
}

/** @throws FeedError `bad-request` if an event follows the end of its channel in the same request. */
function checkEnds(checked: readonly CheckedEvent[], events: readonly GivenEvent[]): void {
  const ended = new Map<string, string>();
  for (const [index, { channel, attributes }] of checked.entries()) {
    const what = events[index]?.what ?? '';
    const end = ended.get(channel);
    if (end !== undefined) {
      throw new FeedError(
        'bad-request',
        `${what} follows ${end}, which ends channel "${channel}". Give end to the last event of the channel.`,
      );
    }
    if (attributes?.end) ended.set(channel, what);
  }
}

async function checkEvent({ value, what }: GivenEvent): Promise<CheckedEvent> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new FeedError('bad-request', `${what} is not an object. Send {"channel"?, "type"?, "data"}.`);
  }
  const members = value as Record<string, unknown>;
  const {
    channel = defaultChannel,
    type = defaultType,
    data,
    subject,
    remove,
    ttlSeconds,
    end,
    ...others
  } = members;
  const [other] = Object.keys(others);
  if (other !== undefined) {
    throw new FeedError(
      'bad-request',
      `${what} has the unknown member "${excerpt(other)}". An event has channel, type, subject, remove, ttlSeconds, end and data.`,
    );
  }
  if (data === undefined) throw new FeedError('bad-request', `${what} has no data. Send any JSON value.`);
  const names = { channel: parseName(channel, `${what}.channel`), type: parseName(type, `${what}.type`) };
  const attributes = attributesOf({ subject, remove, ttlSeconds, end }, what);
  const given = toJson(data, what);
  const stored = await storedData(names.type, data, given, what);
  const event = { ...names, data: stored, given, ...(attributes !== null && { attributes }) };
  const named = attributes?.subject === undefined ? names : { ...names, subject: attributes.subject };
  const size = Buffer.byteLength(JSON.stringify(named)) + Buffer.byteLength(event.data) + 8;
  if (size <= maxEventBytes) return event;
  const parts =
    attributes?.subject === undefined ? 'channel, type and data' : 'channel, type, subject and data';
  throw new FeedError(
    'too-large',
    `${what} is ${size} bytes as JSON (${parts}); the limit is ${maxEventBytes}. No events were stored.`,
  );
}

/** The members of an event besides channel, type and data, as its publisher gave them. */
type GivenAttributes = Readonly<Record<'subject' | 'remove' | 'ttlSeconds' | 'end', unknown>>;

/** Checks them. @returns null for a plain event. */
function attributesOf(given: GivenAttributes, what: string): EventAttributes | null {
  const { subject, ttlSeconds } = given;
  const remove = parseFlag(given.remove, `${what}.remove`);
  const end = parseFlag(given.end, `${what}.end`);
  if (subject === undefined && ttlSeconds === undefined && !remove && !end) return null;
  const attributes: EventAttributes = {
    ...(subject !== undefined && { subject: parseSubject(subject, `${what}.subject`) }),
    ...(remove && { remove }),
    ...(ttlSeconds !== undefined && { ttlMs: parseTtl(ttlSeconds, `${what}.ttlSeconds`) }),
    ...(end && { end }),
  };
  if (subject === undefined && remove) {
    throw new FeedError('bad-request', `${what}.remove needs a subject. Name the subject that it removes.`);
  }
  if (subject === undefined && ttlSeconds !== undefined) {
    throw new FeedError('bad-request', `${what}.ttlSeconds needs a subject. Name the subject that expires.`);
  }
  if (remove && ttlSeconds !== undefined) {
    throw new FeedError(
      'bad-request',
      `${what} has remove and ttlSeconds. Leave one of them out: what is removed cannot expire.`,
    );
  }
  return attributes;
}

function parseFlag(value: unknown, what: string): boolean {
  if (value === undefined || value === false) return false;
  if (value === true) return true;
  throw new FeedError('bad-request', `${what}: ${shown(value)} is not valid. Use true or false.`);
}

function parseTtl(value: unknown, what: string): number {
  const isValid = Number.isInteger(value) && Number(value) >= 1 && Number(value) <= maxTtlSeconds;
  if (isValid) return Number(value) * 1_000;
  throw new FeedError(
    'bad-request',
    `${what}: ${shown(value)} is not valid. Use a whole number from 1 to ${maxTtlSeconds}.`,
  );
}

/** A value that is not valid, for an error. */
function shown(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return `"${excerpt(value)}"`;
  return `a value of type ${value === null ? 'null' : typeof value}`;
}

/** The JSON text to store: the output of the type's schema; the given text if the type has none. */
async function storedData(type: string, data: unknown, given: string, what: string): Promise<string> {
  const schema = schemaOf(type);
  if (schema === null) return given;
  const result = await schema.safeParseAsync(data);
  if (!result.success) {
    const { issues } = result.error;
    const faults = issues
      .slice(0, maxNamedFaults)
      .map(({ path, message }) => `${[`${what}.data`, ...path.map(String)].join('.')}: ${message}`);
    if (issues.length > maxNamedFaults) faults.push(`and ${issues.length - maxNamedFaults} more`);
    throw new FeedError('data-does-not-fit', `${faults.join('; ')} (type "${type}")`);
  }
  const fault = findNonJson(result.data, `${what}.data`);
  if (fault === null) return toJson(result.data, what);
  throw new FeedError(
    'data-does-not-fit',
    `${fault.path}: the schema of type "${type}" returns ${fault.found}, which JSON cannot hold. Let its last step return JSON.`,
  );
}

function toJson(data: unknown, what: string): string {
  try {
    return JSON.stringify(data);
  } catch (cause) {
    throw new FeedError('bad-request', `${what}.data is nested too deeply.`, { cause });
  }
}

/** A part of a value that would be lost or changed as JSON. */
type NonJson = {
  /** `events[3].data.createdAt` */
  readonly path: string;
  /** `a Date` */
  readonly found: string;
};

/**
 * Finds the first part of a value that JSON cannot hold; null: there is none. Members of an object that are undefined are
 * left out, as `JSON.stringify` does.
 * @param path names the value.
 */
export function findNonJson(value: unknown, path: string): NonJson | null {
  try {
    return findIn(value, path);
  } catch (cause) {
    if (cause instanceof RangeError) return { path, found: 'a value that contains itself, or is too deep' };
    throw cause;
  }
}

function findIn(value: unknown, path: string): NonJson | null {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return null;
  if (typeof value === 'number') return Number.isFinite(value) ? null : { path, found: String(value) };
  if (typeof value !== 'object')
    return { path, found: value === undefined ? 'undefined' : `a ${typeof value}` };
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) {
      const fault = findIn(value[index], `${path}.${index}`);
      if (fault !== null) return fault;
    }
    return null;
  }
  if (!isPlain(value))
    return { path, found: `an object of the class ${value.constructor?.name || 'unknown'}` };
  for (const [name, member] of Object.entries(value)) {
    const fault = member === undefined ? null : findIn(member, `${path}.${name}`);
    if (fault !== null) return fault;
  }
  return null;
}

/** Also true for an object of another realm: its prototype is not this realm's `Object.prototype`. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** What a publisher learns of its events. */
export type StoredEvents = {
  /** The id of each event, in the order of the request: `1763841234567-42`. */
  readonly ids: readonly string[];
  /** An earlier request with the same key stored the events, and this one stored nothing. */
  readonly duplicate: boolean;
};

/**
 * Stores all of the events, or none, in one step of the log.
 * @param key the idempotency key; null: none.
 * @param request where the events came from; null: from the app's own code.
 * @throws FeedError as `append` of the log does.
 */
export async function storeEvents(
  { log, settings, metrics }: Runtime,
  events: readonly CheckedEvent[],
  key: string | null,
  request: Request | null,
): Promise<StoredEvents> {
  const append = () =>
    log.append({
      events,
      key: key === null ? null : { name: key, fingerprint: fingerprintOf(events) },
      limits: publishLimits(request, settings),
    });
  const tracer = findTracer();
  const { ids, duplicate } = await (tracer === null ? append() : tracer.publish(events, append));
  if (ids.length !== events.length)
    throw new Error(`the log issued ${ids.length} ids for ${events.length} events`);
  metrics.publishes.add(duplicate ? 'duplicate' : 'stored');
  if (!duplicate) metrics.publishedEvents.add(events.length);
  return { ids: ids.map(formatEventId), duplicate };
}

/**
 * A hash of the events. It shows whether an idempotency key is used again for the same events. It covers the data as the
 * publisher gave it: what a schema makes of it can differ at the retry, for example by a default that has the time in it.
 */
function fingerprintOf(events: readonly CheckedEvent[]): string {
  const hash = createHash('sha256');
  // Neither a name nor JSON text contains a line end.
  for (const { channel, type, given, attributes } of events) {
    const more = attributes === undefined ? '' : `${JSON.stringify(attributes)}\n`;
    hash.update(`${channel}\n${type}\n${given}\n${more}`);
  }
  return hash.digest('base64url');
}

/**
 * Checks an idempotency key.
 * @param what names it in the error: `Idempotency-Key`.
 * @throws FeedError `bad-request`
 */
export function checkIdempotencyKey(key: string, what: string): void {
  if (/^[\x20-\x7e]{1,200}$/.test(key)) return;
  throw new FeedError('bad-request', `${what} is not valid. Use 1 to 200 printable ASCII characters.`);
}
