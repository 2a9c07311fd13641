import { advance } from '../../../lib/client/connection/reducer.ts';
import { readerAt, writeCursor } from '../../../lib/client/connection/sequencer.ts';
import type { Share } from '../../../lib/client/connection/share.ts';
import {
  type Connection,
  newConnection,
  nextTimerAt,
  type PlainSignal,
  type Signal,
  type Stream,
} from '../../../lib/client/connection/state.ts';
import type { FeedItem, Page, Refusal } from '../../../lib/client/transport/messages.ts';
import { type ConnectionSettings, defaultSettings } from '../../../lib/config/client-timing.ts';
import type { Cursor } from '../../../lib/core/cursor.ts';
import type { PollAdvice } from '../../../lib/core/event.ts';
import type { Handover } from '../../../lib/core/sse-frames.ts';
import { cursorAt } from './feed-items.ts';

/** A refusal in the words of the feed's server. */
export function refusalOf(status: number): Refusal {
  const problem = { type: 'urn:steadfeed:problem:test', title: 'Refused', status, detail: 'For a test.' };
  return { status, retryAfterMs: null, problem };
}

/** Settings of a connection, and whether its subscription has a type filter. */
type ReaderSettings = Partial<ConnectionSettings> & { readonly isFiltered?: boolean };

/** What a connection may be shared by: it gets every signal, and its timers count. */
type ReaderShare = Pick<Share, 'advance' | 'nextTimerAt'>;

/** A connection whose time the test moves. It has read up to event 3 of epoch `aaaaaa`; with null, nothing yet. */
export function reader(
  { isFiltered = false, ...settings }: ReaderSettings = {},
  after: string | null = '30-3~aaaaaa',
  share: ReaderShare | null = null,
) {
  let now = 0;
  let random = 0.5;
  let state: Connection = newConnection(
    { ...defaultSettings, ...settings },
    readerAt(after === null ? new Map() : cursorAt(after), { channels: ['feed'], isFiltered }),
    share !== null,
  );
  const accepted: string[] = [];

  const tell = (...signals: readonly Signal[]) => {
    const advanced = (share?.advance ?? advance)(state, signals, now, () => random);
    state = advanced.connection;
    for (const entry of advanced.accepted)
      accepted.push(entry.kind === 'event' ? entry.event.id : `gap ${entry.gap.reason}`);
  };
  const timerAt = () => {
    const times = [nextTimerAt(state), share?.nextTimerAt() ?? null].filter((at) => at !== null);
    return times.length === 0 ? null : Math.min(...times);
  };
  const stream = (index = -1): Stream => {
    const found = state.streams.at(index);
    if (found === undefined) throw new Error(`no stream in ${state.mode}`);
    return found;
  };
  const it = {
    get state() {
      return state;
    },
    get now() {
      return now;
    },
    /** Where the reader is. */
    get cursor() {
      return writeCursor(state.reader);
    },
    /** Ids of events and gaps, in the order in which they were accepted. */
    accepted,
    tell,
    stream,
    chance(value: number) {
      random = value;
    },
    happens: (kind: PlainSignal['kind']) => tell({ kind }),
    /** Time passes. Each timer fires at its time. */
    passes(ms: number) {
      const end = now + ms;
      for (let due = timerAt(); due !== null && due <= end; due = timerAt()) {
        now = Math.max(now, due);
        tell({ kind: 'timer' });
      }
      now = end;
    },
    sends(key = stream().key) {
      tell({ kind: 'sent', stream: key });
    },
    bytes(key = stream().key) {
      tell({ kind: 'bytes', stream: key });
    },
    /** The newest stream is sent, brings bytes, and says hello. `time`: when the server sent hello; null: it does not say. */
    goesLive(
      cursor = stream().after ?? '30-3~aaaaaa',
      key = stream().key,
      time: number | null = null,
      heartbeatMs = 15_000,
    ) {
      it.sends(key);
      it.bytes(key);
      const hello = { cursor, heartbeatMs, deadlineMs: 300_000, version: '0.1.0' };
      tell({ kind: 'frame', stream: key, frame: { kind: 'hello', cursor: cursorAt(cursor), hello, time } });
    },
    /** A stream brings items, each with the cursor after it. */
    gets(items: readonly FeedItem[], key = stream().key) {
      it.bytes(key);
      for (const item of items) {
        const cursor: Cursor = new Map([['feed', item.position]]);
        tell({ kind: 'frame', stream: key, frame: { kind: 'item', cursor, item } });
      }
    },
    /** A lone comment with the time at which the server sent it. */
    time(time: number, key = stream().key) {
      it.bytes(key);
      tell({ kind: 'frame', stream: key, frame: { kind: 'time', time } });
    },
    heartbeat(cursor: string, key = stream().key) {
      it.bytes(key);
      tell({
        kind: 'frame',
        stream: key,
        frame: { kind: 'heartbeat', cursor: cursorAt(cursor), time: null },
      });
    },
    handover(cursor: string, reason: Handover['reason'] = 'deadline', key = stream().key, everyMs = 0) {
      it.bytes(key);
      const handover = { reason, closesInMs: 6_000, everyMs };
      tell({ kind: 'frame', stream: key, frame: { kind: 'handover', cursor: cursorAt(cursor), handover } });
    },
    /** The stream says that the channel `feed` has ended at `cursor`. */
    channelEnds(cursor: string, key = stream().key) {
      it.bytes(key);
      tell({
        kind: 'frame',
        stream: key,
        frame: { kind: 'end', cursor: cursorAt(cursor), channel: 'feed' },
      });
    },
    disconnects: (key = stream().key) => tell({ kind: 'disconnected', stream: key }),
    ends: (key = stream().key) => tell({ kind: 'ended', stream: key }),
    isRefused(status: number, more: Partial<Refusal> = {}, key = stream().key) {
      tell({ kind: 'refused', stream: key, refusal: { ...refusalOf(status), ...more } });
    },
    isPolled(
      items: readonly FeedItem[],
      cursor: string,
      more: Partial<Pick<Page, 'more' | 'hasEnded'> & PollAdvice & { ageMs: number }> = {},
    ) {
      const { everyMs = 2_000, waitSeconds = 0, rest = false } = more;
      const advice = { everyMs, waitSeconds, rest };
      const page = { items, cursor: cursorAt(cursor), more: false, advice, ...more };
      tell({ kind: 'polled', poll: state.poll?.key ?? -1, page, ageMs: more.ageMs ?? 0 });
    },
    pollIsRefused(status: number, more: Partial<Refusal> = {}) {
      const refusal = { status, retryAfterMs: null, problem: null, ...more };
      tell({ kind: 'pollRefused', poll: state.poll?.key ?? -1, refusal });
    },
    pollFails: () => tell({ kind: 'pollFailed', poll: state.poll?.key ?? -1 }),
  };
  it.happens('enabled');
  return it;
}

/** A reader whose stream is live. */
export function streamingReader(settings: ReaderSettings = {}, after?: string) {
  const it = reader(settings, after);
  it.goesLive();
  return it;
}

/** A reader behind a proxy that buffers: no byte came in time. */
export function pollingReader(settings: ReaderSettings = {}) {
  const it = reader(settings);
  it.sends();
  it.passes(4_000);
  return it;
}
