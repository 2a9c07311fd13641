import { step } from '../../../lib/client/connection/reducer.ts';
import {
  type Connection,
  newConnection,
  nextTimerAt,
  type PlainSignal,
  progressAt,
  type Signal,
  type Stream,
} from '../../../lib/client/connection/state.ts';
import type { FeedItem } from '../../../lib/client/transport/feed-items.ts';
import type { Refusal } from '../../../lib/client/transport/wire.ts';
import { type ConnectionSettings, defaultSettings } from '../../../lib/config/client-timing.ts';
import type { Gap } from '../../../lib/core/continuity.ts';
import { type Cursor, parseCursor } from '../../../lib/core/cursor.ts';
import { formatEventId, parseEventId } from '../../../lib/core/ids.ts';
import type { Handover } from '../../../lib/core/sse-frames.ts';

const channels = ['feed'];

/** A cursor of the channel `feed`. */
export const cursorAt = (text: string): Cursor => parseCursor(text, channels, 'cursor');

/** Event number `seq` of an epoch; its time follows from its number. */
export function eventItem(seq: number, epoch = 'aaaaaa', channel = 'feed'): FeedItem {
  const id = parseEventId(`${seq * 10}-${seq}`, 'id');
  const event = { id: formatEventId(id), channel, type: 'message', time: id.time, data: seq };
  return { kind: 'event', event, position: { id, epoch } };
}

/** A gap of the channel `feed`; `at` is the position after it. */
export function gapItem(gap: Partial<Gap>, at: string): FeedItem {
  const position = cursorAt(at).get('feed');
  if (position === undefined) throw new Error('no position');
  const whole: Gap = {
    channel: 'feed',
    reason: 'trimmed',
    missed: 1,
    exact: true,
    after: '0-0',
    resumesAt: null,
    ...gap,
  };
  return { kind: 'gap', gap: whole, position };
}

/** A connection whose time is moved by hand. It has read up to event 3 of epoch `aaaaaa`; with null, nothing yet. */
export function reader(settings: Partial<ConnectionSettings> = {}, after: string | null = '30-3~aaaaaa') {
  let now = 0;
  let random = 0.5;
  let state: Connection = newConnection(
    { ...defaultSettings, ...settings },
    progressAt(after === null ? new Map() : cursorAt(after)),
  );
  const taken: string[] = [];

  const tell = (signal: Signal) => {
    state = step(state, signal, now, random);
    for (const entry of state.taken)
      taken.push(entry.kind === 'event' ? entry.event.id : `gap ${entry.gap.reason}`);
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
    /** Ids of events and gaps, in the order in which they were taken. */
    taken,
    tell,
    stream,
    chance(value: number) {
      random = value;
    },
    happens: (kind: PlainSignal['kind']) => tell({ kind }),
    /** Time passes; every timer is told at its time. */
    passes(ms: number) {
      const end = now + ms;
      for (let due = nextTimerAt(state); due !== null && due <= end; due = nextTimerAt(state)) {
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
    /** The newest stream is sent, gets bytes and says hello. */
    goesLive(cursor = stream().after ?? '30-3~aaaaaa', key = stream().key) {
      it.sends(key);
      it.bytes(key);
      const hello = { cursor, heartbeatMs: 15_000, deadlineMs: 300_000, version: '0.1.0' };
      tell({ kind: 'frame', stream: key, frame: { kind: 'hello', cursor: cursorAt(cursor), hello } });
    },
    /** A stream tells items, each with the cursor after it. */
    gets(items: readonly FeedItem[], key = stream().key) {
      it.bytes(key);
      for (const item of items) {
        const cursor: Cursor = new Map([['feed', item.position]]);
        tell({ kind: 'frame', stream: key, frame: { kind: 'item', cursor, item } });
      }
    },
    heartbeat(cursor: string, key = stream().key) {
      it.bytes(key);
      tell({ kind: 'frame', stream: key, frame: { kind: 'heartbeat', cursor: cursorAt(cursor) } });
    },
    handover(cursor: string, reason: Handover['reason'] = 'deadline', key = stream().key) {
      it.bytes(key);
      const handover = { reason, closesInMs: 6_000 };
      tell({ kind: 'frame', stream: key, frame: { kind: 'handover', cursor: cursorAt(cursor), handover } });
    },
    isCut: (key = stream().key) => tell({ kind: 'cut', stream: key }),
    ends: (key = stream().key) => tell({ kind: 'ended', stream: key }),
    isRefused(status: number, more: Partial<Refusal> = {}, key = stream().key) {
      tell({ kind: 'refused', stream: key, refusal: { status, retryAfterMs: null, problem: null, ...more } });
    },
    isPolled(
      items: readonly FeedItem[],
      cursor: string,
      more: Partial<{ more: boolean; everyMs: number; waitSeconds: number }> = {},
    ) {
      const advice = { everyMs: more.everyMs ?? 2_000, waitSeconds: more.waitSeconds ?? 0 };
      const page = { items, cursor: cursorAt(cursor), more: more.more ?? false, advice };
      tell({ kind: 'polled', poll: state.poll?.key ?? -1, page });
    },
    pollFails: () => tell({ kind: 'pollCut', poll: state.poll?.key ?? -1 }),
  };
  it.happens('enabled');
  return it;
}

/** A reader whose stream is live. */
export function streamingReader(settings: Partial<ConnectionSettings> = {}, after?: string) {
  const it = reader(settings, after);
  it.goesLive();
  return it;
}

/** A reader behind a proxy that buffers: no byte came in time. */
export function pollingReader(settings: Partial<ConnectionSettings> = {}) {
  const it = reader(settings);
  it.sends();
  it.passes(4_000);
  return it;
}
