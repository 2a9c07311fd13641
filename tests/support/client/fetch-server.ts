import type { Clock } from '../../../lib/core/clock.ts';
import { type Cursor, formatPosition, type Position, parseCursor } from '../../../lib/core/cursor.ts';
import type { PollAdvice } from '../../../lib/core/event.ts';
import { eventFrame, helloFrame, loneComment, paddingFrame } from '../../../lib/core/sse-frames.ts';
import { modelLog } from './model-log.ts';

/** One request that a server may misbehave on. */
export type Asked = {
  readonly kind: 'stream' | 'poll';
  /** The honest response. `through` gets each piece of a stream, and may change it or hold it back. */
  honest(through?: (text: string) => string): Response | Promise<Response>;
  /** Breaks the connection. */
  cut(): void;
  /** Ends a stream cleanly. */
  end(): void;
  /** Calls `run` after `ms`, unless the reader has gone by then. */
  after(ms: number, run: () => void): void;
};

/** What a server, or a proxy before it, does with a request. */
export type Misbehaviour = (asked: Asked) => Response | Promise<Response>;

/** One connection, until the reader ends it or it breaks. */
type Line = {
  /** @param run gets null after a clean end. */
  onGone(run: (error: Error | null) => void): void;
  cut(): void;
  end(): void;
};

function newLine(signal: AbortSignal | null): Line {
  const gone: ((error: Error | null) => void)[] = [];
  const end = (error: Error | null) => {
    for (const run of gone.splice(0)) run(error);
  };
  signal?.addEventListener('abort', () => end(new DOMException('the reader left', 'AbortError')));
  return {
    onGone: (run) => void gone.push(run),
    cut: () => end(new TypeError('the connection broke')),
    end: () => end(null),
  };
}

/**
 * A feed server behind `fetch`, with the channel `feed` and a clock that the test moves by hand. The network takes no time,
 * so that a test measures the client's rules alone. It sends no heartbeats, since an event comes every second, and after it
 * a lone comment with the time.
 */
export function fetchServer(clock: Clock, advice: PollAdvice = { waitSeconds: 0, everyMs: 2_000 }) {
  const log = modelLog('feed');
  const begun = clock.elapsed();
  const publishedAt: number[] = [];
  const asked: { readonly kind: Asked['kind']; readonly atMs: number }[] = [];
  const waiting = new Set<() => void>();
  const streams = new Set<Line>();
  let misbehave: Misbehaviour = (request) => request.honest();
  let isPublishing = true;
  let sent = 0;

  function publish() {
    log.append();
    publishedAt.push(clock.elapsed() - begun);
    for (const look of [...waiting]) look();
  }
  for (let count = 0; count < 3; count += 1) publish();
  // Not at a full second: much else happens then.
  const goOn = () => {
    if (isPublishing) publish();
    clock.after(1_000, goOn);
  };
  clock.after(500, goOn);

  function eventsAfter(from: Position) {
    const events = [];
    let position = from;
    for (let item = log.next(position); item?.kind === 'event'; item = log.next(position)) {
      events.push(item);
      position = item.position;
    }
    return { events, position };
  }

  function openStream(
    from: Position,
    heartbeatMs: number,
    line: Line,
    through: (text: string) => string,
  ): Response {
    let at = from;
    const encoder = new TextEncoder();
    const hello = {
      cursor: formatPosition(from),
      heartbeatMs,
      deadlineMs: 3_600_000,
      time: clock.now(),
      version: '0.1.0',
    };
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        const send = (text: string) => {
          const passed = text === '' ? '' : through(text);
          if (passed !== '') controller.enqueue(encoder.encode(passed));
        };
        const news = () => {
          const { events, position } = eventsAfter(at);
          at = position;
          sent += events.length;
          return events
            .map((item) => eventFrame(formatPosition(item.position), JSON.stringify(item.event)))
            .join('');
        };
        let cancelComment = () => {};
        const commentAfter = (ms: number) => {
          cancelComment();
          cancelComment = clock.after(ms, () => send(loneComment(clock.now())));
        };
        const look = () => {
          send(news());
          commentAfter(100);
        };
        const cancelTime = clock.after(1_000, () => send(loneComment(clock.now())));
        streams.add(line);
        line.onGone((error) => {
          streams.delete(line);
          waiting.delete(look);
          cancelComment();
          cancelTime();
          if (error === null) controller.close();
          else controller.error(error);
        });
        send(paddingFrame + helloFrame(hello, 1_000) + news());
        waiting.add(look);
      },
      cancel: () => line.cut(),
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream; charset=utf-8' } });
  }

  function page(from: Position): Response {
    const { events, position } = eventsAfter(from);
    sent += events.length;
    const body = {
      events: events.map((item) => item.event),
      gaps: [],
      cursor: formatPosition(position),
      more: false,
      poll: advice,
    };
    return Response.json(body, { headers: { 'feed-time': String(clock.now()) } });
  }

  /** A long poll: the server holds it until an event comes or its time is over. */
  function hold(from: Position, waitMs: number, line: Line): Promise<Response> {
    return new Promise((resolve) => {
      const answer = () => {
        waiting.delete(answer);
        resolve(page(from));
      };
      line.onGone(() => waiting.delete(answer));
      waiting.add(answer);
      clock.after(waitMs, answer);
    });
  }

  const serve: typeof fetch = (input, init) => {
    const { pathname, searchParams } = new URL(String(input));
    const kind = pathname === '/api/stream' ? 'stream' : 'poll';
    asked.push({ kind, atMs: clock.elapsed() - begun });
    const after = searchParams.get('after');
    const cursor: Cursor = after === null ? new Map() : parseCursor(after, ['feed'], 'after');
    const from = cursor.get('feed') ?? log.end();
    const heartbeatMs = Math.min(15, Number(searchParams.get('heartbeat') ?? 15)) * 1_000;
    const waitMs = Number(searchParams.get('wait') ?? 0) * 1_000;
    const line = newLine(init?.signal ?? null);
    const honest = (through = (text: string) => text) => {
      if (kind === 'stream') return openStream(from, heartbeatMs, line, through);
      return waitMs === 0 || eventsAfter(from).events.length > 0 ? page(from) : hold(from, waitMs, line);
    };
    return new Promise((resolve, reject) => {
      line.onGone(reject);
      const later = (ms: number, run: () => void) => line.onGone(clock.after(ms, run));
      Promise.resolve(misbehave({ kind, honest, cut: line.cut, end: line.end, after: later })).then(
        resolve,
        reject,
      );
    });
  };

  return {
    fetch: serve,
    /** The requests so far. Times are in ms since the server started. */
    asked,
    /** When each event was published. The first is at index 0. */
    publishedAt,
    /** The number of events in responses so far, whether held back or not. */
    sent: () => sent,
    /** Changes the server for later requests. Open streams stay as they are. */
    becomes(next: Misbehaviour) {
      misbehave = next;
    },
    publish(count: number) {
      for (let each = 0; each < count; each += 1) publish();
    },
    cutStreams() {
      for (const line of streams) line.cut();
    },
    stopPublishing() {
      isPublishing = false;
    },
  };
}
