import { readerAt } from '../../../lib/client/connection/sequencer.ts';
import type { ShareView } from '../../../lib/client/connection/share.ts';
import {
  type Connection,
  newConnection,
  nextTimerAt,
  type Signal,
} from '../../../lib/client/connection/state.ts';
import { type ReadingState, readingOf } from '../../../lib/client/connection/status.ts';
import { advanceTab, newTab, nextTabTimerAt, type Tab, viewOf } from '../../../lib/client/tabs/tab.ts';
import { parseTabUpdate, type TabMessage, type TabSignal } from '../../../lib/client/tabs/tab-message.ts';
import type { FeedItem } from '../../../lib/client/transport/messages.ts';
import { type ConnectionSettings, defaultSettings } from '../../../lib/config/client-timing.ts';
import { type Position, parseCursor } from '../../../lib/core/cursor.ts';
import { compareEventIds, type EventId } from '../../../lib/core/ids.ts';
import { seeded } from '../seeded.ts';
import { modelLog } from './model-log.ts';

const channels = ['feed'];

export type BrowserOptions = {
  readonly seed?: number;
  /** Chances that a message between tabs is lost, comes twice, or comes up to 300 ms late. */
  readonly loss?: number;
  readonly twice?: number;
  readonly late?: number;
  /** The reader has a type filter: it gets the events with even numbers. */
  readonly isFiltered?: boolean;
  readonly settings?: Partial<ConnectionSettings>;
};

/** One tab of the browser, from outside. */
export type OpenTab = {
  readonly name: string;
  readonly state: () => Tab & { readonly connection: Connection };
  /** What its page shows of the tab that reads. */
  readonly shows: () => ReadingState & Pick<ShareView, 'handovers' | 'reconnects'>;
  /** Every event and gap it accepted, in order. */
  readonly entries: readonly FeedItem[];
  readonly ids: () => readonly string[];
  readonly dispatch: (signal: Signal | TabSignal) => void;
  readonly hide: () => void;
  readonly show: () => void;
  readonly freeze: () => void;
  readonly thaw: () => void;
  /** Its scripts stop: no message and no timer arrives. `wake`: all of them arrive at once. */
  readonly hang: () => void;
  readonly wake: () => void;
  readonly close: () => void;
  /** It ends without a message. The browser releases its lock. */
  readonly crash: () => void;
  readonly isGone: () => boolean;
  readonly isHanging: () => boolean;
  /** When its next timer is due; null: none runs. */
  readonly nextTimerAt: () => number | null;
};

/** A browser with tabs, Web Locks and a BroadcastChannel, and a server with one log. Time is moved by hand. */
export function manyTabs(options: BrowserOptions = {}) {
  const { seed = 1, isFiltered = false } = options;
  let { loss = 0, twice = 0, late = 0 } = options;
  const random = seeded(seed);
  const settings = { ...defaultSettings, ...options.settings };
  const log = modelLog('feed');
  let now = 0;
  /** Future actions, the last one first. */
  const due: { readonly at: number; run(): void }[] = [];
  let opened = 0;
  const tabs = new Set<Run>();
  let holder: { readonly run: Run; readonly key: number } | null = null;
  let queue: { readonly run: Run; readonly key: number }[] = [];
  let pages = 0;
  let sent = 0;
  let asked = 0;
  let isServerUp = true;
  let isStreamingBlocked = false;
  let observe = () => {};

  const at = (time: number, run: () => void) => {
    let index = due.length;
    while (index > 0 && (due[index - 1]?.at ?? 0) <= time) index -= 1;
    due.splice(index, 0, { at: time, run });
  };
  const soon = (least: number, most: number, run: () => void) =>
    at(now + least + random.next() * (most - least), run);

  /* Locks */
  function grant(run: Run, key: number) {
    holder = { run, key };
    soon(0, 2, () => run.lock?.key === key && run.dispatch({ kind: 'granted', lock: key }));
  }
  function release(run: Run, key: number) {
    queue = queue.filter((each) => each.run !== run || each.key !== key);
    if (holder?.run !== run || holder.key !== key) return;
    holder = null;
    const next = queue.shift();
    if (next !== undefined) grant(next.run, next.key);
  }
  function request(run: Run, key: number, how: 'queue' | 'steal') {
    if (how === 'queue' && holder !== null) return void queue.push({ run, key });
    if (holder !== null) {
      const { run: robbed, key: lost } = holder;
      soon(0, 2, () => robbed.lock?.key === lost && robbed.dispatch({ kind: 'lost', lock: lost }));
    }
    grant(run, key);
  }

  /* Messages */
  function post(from: Run, message: TabMessage) {
    sent += 1;
    for (const to of tabs) {
      if (to === from || !to.isJoined || random.chance(loss)) continue;
      const copies = random.chance(twice) ? 2 : 1;
      for (let copy = 0; copy < copies; copy += 1) {
        const text = JSON.stringify(message);
        soon(
          0.1,
          random.chance(late) ? 300 : 1,
          () => to.isJoined && to.receive(JSON.parse(text) as TabMessage),
        );
      }
    }
  }

  /* The server */
  const isWanted = (item: FeedItem) => item.kind === 'gap' || !isFiltered || item.position.id.seq % 2 === 0;
  const start = (after: string | null): Position =>
    (after === null ? undefined : parseCursor(after, channels, 'after').get('feed')) ?? log.end();

  const isOver = (position: Position) => log.isFinished() && log.next(position) === null;

  function flush(run: Run, key: number) {
    const stream = run.streams.get(key);
    if (stream === undefined) return;
    const signals: Signal[] = [];
    for (let item = log.next(stream.at); item !== null; item = log.next(stream.at)) {
      stream.at = item.position;
      const cursor = new Map([['feed', item.position]]);
      const frame = isWanted(item)
        ? ({ kind: 'item', cursor, item } as const)
        : ({ kind: 'heartbeat', cursor, time: null } as const);
      signals.push({ kind: 'frame', stream: key, frame });
    }
    if (isOver(stream.at)) {
      const cursor = new Map([['feed', stream.at]]);
      signals.push({ kind: 'frame', stream: key, frame: { kind: 'end', cursor, channel: 'feed' } });
    }
    if (signals.length > 0) run.dispatch({ kind: 'bytes', stream: key }, ...signals);
  }
  function serve(run: Run, key: number, after: string | null) {
    asked += 1;
    run.streams.set(key, { at: start(after) });
    soon(0, 1, () => run.dispatch({ kind: 'sent', stream: key }));
    soon(2, 30, () => {
      const stream = run.streams.get(key);
      if (stream === undefined) return;
      if (!isServerUp) return run.dispatch({ kind: 'disconnected', stream: key });
      if (isStreamingBlocked) return run.dispatch(refused(key));
      if (isOver(stream.at)) return run.dispatch(refused(key, 204));
      const hello = { cursor: '', heartbeatMs: 15_000, deadlineMs: 1, version: '0.1.0' };
      const frame = { kind: 'hello', cursor: new Map([['feed', stream.at]]), hello, time: null } as const;
      run.dispatch({ kind: 'bytes', stream: key }, { kind: 'frame', stream: key, frame });
      flush(run, key);
    });
    const beat = () => {
      const stream = run.streams.get(key);
      if (stream === undefined) return;
      const frame = { kind: 'heartbeat', cursor: new Map([['feed', stream.at]]), time: null } as const;
      run.dispatch({ kind: 'bytes', stream: key }, { kind: 'frame', stream: key, frame });
      at(now + 15_000, beat);
    };
    at(now + 15_000, beat);
  }
  function answer(run: Run, key: number, after: string | null) {
    pages += 1;
    soon(2, 30, () => {
      if (!isServerUp) return run.dispatch({ kind: 'pollFailed', poll: key });
      let position = start(after);
      const items: FeedItem[] = [];
      let more = true;
      for (let looked = 0; looked < 5; looked += 1) {
        const item = log.next(position);
        more = item !== null;
        if (item === null) break;
        position = item.position;
        if (isWanted(item)) items.push(item);
      }
      const page = {
        items,
        cursor: new Map([['feed', position]]),
        more,
        hasEnded: !more && log.isFinished(),
        advice: { waitSeconds: 0, everyMs: 2_000 },
      };
      run.dispatch({ kind: 'polled', poll: key, page });
    });
  }
  const news = () => {
    for (const run of tabs) for (const key of run.streams.keys()) soon(1, 10, () => flush(run, key));
  };

  /* Tabs */
  type Run = ReturnType<typeof makeRun>;
  function makeRun(name: string, after: string | null) {
    const cursor = after === null ? new Map() : parseCursor(after, channels, 'after');
    const reader = readerAt(cursor, { channels, isFiltered });
    let tab = newTab(name);
    let connection = newConnection(settings, reader, true);
    let isHanging = false;
    let isFrozen = false;
    let waiting: (() => void)[] = [];
    let lastTimerAt = Number.NEGATIVE_INFINITY;
    let session = 0;
    const entries: FeedItem[] = [];
    const run = {
      streams: new Map<number, { at: Position }>(),
      poll: null as number | null,
      lock: null as { readonly key: number } | null,
      isJoined: false,
      entries,
      get tab() {
        return { ...tab, connection };
      },
      get isHanging() {
        return isHanging;
      },
      dispatch(...signals: readonly (Signal | TabSignal)[]) {
        run.later(() => {
          const advanced = advanceTab(tab, connection, signals, now, random.next);
          ({ tab, connection } = advanced);
          entries.push(...advanced.accepted);
          for (const message of tab.outbox) if (run.isJoined) post(run, message);
          reconcile();
          arm();
          observe();
        });
      },
      receive(message: TabMessage) {
        run.later(() => {
          if (message.kind === 'ask') run.dispatch({ kind: 'asked' });
          else run.dispatch({ kind: 'update', update: parseTabUpdate(message, channels) });
        });
      },
      nextTimerAt() {
        const times = [nextTabTimerAt(tab), nextTimerAt(connection)].filter((time) => time !== null);
        return times.length === 0 ? null : Math.min(...times);
      },
      later(act: () => void) {
        if (!tabs.has(run)) return;
        if (isHanging || isFrozen) waiting.push(act);
        else act();
      },
      hang() {
        isHanging = true;
        observe();
      },
      wake() {
        isHanging = false;
        const acts = waiting;
        waiting = [];
        for (const act of acts) run.later(act);
        run.dispatch({ kind: 'timer' });
      },
      freeze() {
        if (isHanging) return;
        run.dispatch({ kind: 'frozen' });
        isFrozen = true;
      },
      thaw() {
        if (!isFrozen) return;
        isFrozen = false;
        const acts = waiting;
        waiting = [];
        for (const act of acts) run.later(act);
        run.dispatch({ kind: 'restored' });
      },
      gone() {
        tabs.delete(run);
        run.isJoined = false;
        run.streams.clear();
        run.poll = null;
        if (run.lock !== null) release(run, run.lock.key);
        run.lock = null;
        observe();
      },
    };

    function reconcile() {
      const { election } = tab;
      for (const key of run.streams.keys())
        if (!connection.streams.some((stream) => stream.key === key)) run.streams.delete(key);
      for (const { key, after: from } of connection.streams) if (!run.streams.has(key)) serve(run, key, from);
      if (connection.poll === null) run.poll = null;
      else if (run.poll !== connection.poll.key) {
        run.poll = connection.poll.key;
        answer(run, run.poll, connection.poll.after);
      }
      const wanted = election.role === 'off' ? 0 : election.session;
      if (wanted !== session) {
        session = wanted;
        run.isJoined = false;
        if (wanted > 0)
          soon(1, 5, () => {
            if (session !== wanted || !tabs.has(run)) return;
            run.isJoined = true;
            run.dispatch({ kind: 'joined' });
          });
      }
      const { lock } = election;
      if (lock?.key === run.lock?.key) return;
      const before = run.lock;
      run.lock = lock;
      if (lock !== null) request(run, lock.key, lock.how);
      if (before !== null) release(run, before.key);
    }

    /** A tab has one timer, as a page has. An earlier one replaces it. */
    let armed: { readonly at: number } | null = null;
    function arm() {
      const due = run.nextTimerAt();
      if (due === null) return;
      // A browser runs a hidden tab's timers once a second.
      const earliest = connection.isHidden ? lastTimerAt + 1_000 : now;
      const timer = { at: Math.max(due, earliest, now) };
      if (armed !== null && armed.at <= timer.at) return;
      armed = timer;
      at(timer.at, () => {
        if (armed !== timer) return;
        armed = null;
        lastTimerAt = now;
        run.dispatch({ kind: 'timer' });
      });
    }
    return run;
  }

  function passes(ms: number) {
    const end = now + ms;
    for (let next = due.at(-1); next !== undefined && next.at <= end; next = due.at(-1)) {
      due.pop();
      now = Math.max(now, next.at);
      next.run();
    }
    now = end;
  }

  return {
    log,
    get now() {
      return now;
    },
    /** Pages asked for so far. */
    get pages() {
      return pages;
    },
    /** Streams asked for so far. */
    get asked() {
      return asked;
    },
    /** Locks that tabs hold or wait for, and tabs that get messages. */
    locks: () => queue.length + (holder === null ? 0 : 1),
    listeners: () => [...tabs].filter((run) => run.isJoined).length,
    /** Messages that tabs sent so far. */
    get sent() {
      return sent;
    },
    random,
    passes,
    /** Calls `look` after each change of a tab. */
    observe(look: () => void) {
      observe = look;
    },
    publish(count = 1): EventId[] {
      const ids = Array.from({ length: count }, () => log.append());
      news();
      return ids;
    },
    /** Ends the channel with one more event. */
    finish() {
      log.finish();
      news();
    },
    /** Sends all streams what is new in the log. */
    news,
    server(isUp: boolean) {
      isServerUp = isUp;
      if (isUp) return;
      for (const run of tabs)
        for (const key of run.streams.keys()) run.dispatch({ kind: 'disconnected', stream: key });
    },
    /** From now on a proxy answers 502 to every stream, and ends the open ones. Polls still come through. */
    blockStreams() {
      isStreamingBlocked = true;
      for (const run of tabs) for (const key of run.streams.keys()) run.dispatch(refused(key));
    },
    /** From now on every message between tabs arrives once, within 1 ms. */
    calmBus() {
      loss = 0;
      twice = 0;
      late = 0;
    },
    /** Opens a tab. `after` is the cursor that its page was rendered with; null: none. */
    open({ after = '0-0' as string | null, isHidden = false } = {}): OpenTab {
      const name = `tab ${++opened}`;
      const run = makeRun(name, after);
      tabs.add(run);
      run.dispatch({ kind: 'enabled' });
      if (isHidden) run.dispatch({ kind: 'hidden' });
      const ids = () =>
        run.entries.map((entry) => (entry.kind === 'event' ? entry.event.id : `gap ${entry.gap.reason}`));
      return {
        name,
        state: () => run.tab,
        shows() {
          const { reading, handovers, reconnects } = viewOf(run.tab, run.tab.connection);
          return { ...(reading ?? readingOf(run.tab.connection)), handovers, reconnects };
        },
        entries: run.entries,
        ids,
        dispatch: (signal) => run.dispatch(signal),
        hide: () => run.dispatch({ kind: 'hidden' }),
        show: () => run.dispatch({ kind: 'visible' }),
        freeze: run.freeze,
        thaw: run.thaw,
        hang: run.hang,
        wake: run.wake,
        close() {
          run.dispatch({ kind: 'close' });
          run.gone();
        },
        crash: run.gone,
        isGone: () => !tabs.has(run),
        isHanging: () => run.isHanging,
        nextTimerAt: run.nextTimerAt,
      };
    },
    /** How many streams are open, or being opened, in all tabs together. */
    streams: () => [...tabs].reduce((sum, run) => sum + run.streams.size, 0),
    isAtEnd: (tab: OpenTab) => {
      const place = tab.state().connection.reader.positions.get('feed');
      return place !== undefined && compareEventIds(place.position.id, log.end().id) === 0;
    },
  };
}

function refused(stream: number, status = 502): Signal {
  return { kind: 'refused', stream, refusal: { status, retryAfterMs: null, problem: null } };
}
