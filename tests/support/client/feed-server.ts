import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { FeedItem } from '../../../lib/client/transport/messages.ts';
import { type Cursor, formatPosition, type Position, parseCursor } from '../../../lib/core/cursor.ts';
import {
  beforeFirst,
  compareEventIds,
  type EventId,
  formatEventId,
  readEventId,
} from '../../../lib/core/ids.ts';
import {
  eventFrame,
  gapFrame,
  type Handover,
  handoverFrame,
  heartbeatFrame,
  helloFrame,
  lastFrame,
  paddingFrame,
} from '../../../lib/core/sse-frames.ts';
import { listenOnFreePort } from '../listen-on-free-port.ts';
import { type ModelLog, modelLog } from './model-log.ts';

/** Answers a request to `/api/stream` in its own way. */
export type Misbehaviour = (stream: Serving, connection: number) => void;

/** One open stream of the honest server, which a misbehaviour may change. */
export type Serving = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Sends headers, padding, hello, and everything after the cursor. `write` says how to send the bytes. */
  begin(headers?: Record<string, string>, write?: (text: string) => void): void;
  /** The frames that `begin` would send, as text. */
  text(): string;
  cut(): void;
};

/**
 * A feed over real sockets with the channel `feed`. It is honest, except for the misbehaviour that it gets. Its frames are
 * those of `core`, as docs/protocol.md describes them.
 */
export async function feedServer(misbehave: Misbehaviour = (stream) => stream.begin(), heartbeatMs = 15_000) {
  const log = modelLog('feed');
  const live = new Map<
    ServerResponse,
    { readonly position: Position; readonly write: (text: string) => void }
  >();
  let published: { readonly id: EventId; readonly atMs: number }[] = [];
  const asked: string[] = [];
  const tokens: (string | null)[] = [];
  const files = new Map<string, { readonly type: string; readonly body: string }>();
  let polls = 0;
  let everyMs = 20;
  let pollAnswer: ((response: ServerResponse) => boolean) | null = null;

  function startOf(request: IncomingMessage): Position {
    const { searchParams } = new URL(request.url ?? '', 'http://feed');
    const after = searchParams.get('after');
    const cursor: Cursor = after === null ? new Map() : parseCursor(after, ['feed'], 'after');
    const rewind = /^(\d+)s$/.exec(searchParams.get('rewind') ?? '');
    if (rewind !== null) return endAt(Date.now() - Number(rewind[1]) * 1_000);
    return cursor.get('feed') ?? log.end();
  }

  /** The end of the log at a time. */
  function endAt(timeMs: number): Position {
    const { epoch } = log.end();
    return { id: published.findLast(({ atMs }) => atMs < timeMs)?.id ?? beforeFirst, epoch };
  }

  function itemsAfter(from: Position): { items: FeedItem[]; position: Position } {
    const items: FeedItem[] = [];
    let position = from;
    for (let item = log.next(position); item !== null; item = log.next(position)) {
      items.push(item);
      position = item.position;
    }
    return { items, position };
  }

  /** What the log keeps before an id, oldest first. */
  function eventsBefore(before: EventId) {
    const { items } = itemsAfter({ id: beforeFirst, epoch: log.end().epoch });
    return items.flatMap((item) =>
      item.kind === 'event' && compareEventIds(item.position.id, before) < 0 ? [item.event] : [],
    );
  }

  function frames(from: Position): { text: string; position: Position } {
    const { items, position } = itemsAfter(from);
    const write = (item: FeedItem) =>
      item.kind === 'event'
        ? eventFrame(formatPosition(item.position), JSON.stringify(item.event))
        : gapFrame(formatPosition(item.position), item.gap);
    return { text: items.map(write).join(''), position };
  }

  function flush(): void {
    for (const [response, { position: from, write }] of live) {
      const { text, position } = frames(from);
      if (text !== '') write(text);
      if (log.isFinished()) response.end(endFrame(position) + lastFrame(250));
      live.set(response, { position, write });
    }
  }

  function endFrame({ id, epoch }: Position): string {
    const data = JSON.stringify({ channel: 'feed', id: formatEventId(id) });
    return `id: ${formatPosition({ id, epoch })}\nevent: end\ndata: ${data}\n\n`;
  }

  function serving(request: IncomingMessage, response: ServerResponse): Serving {
    const from = startOf(request);
    const hello = { cursor: formatPosition(from), heartbeatMs, deadlineMs: 60_000, version: '0.1.0' };
    const text = () => paddingFrame + helloFrame(hello, 1_000) + frames(from).text;
    return {
      request,
      response,
      text,
      begin(headers = {}, write = (each) => void response.write(each)) {
        if (log.isFinished() && itemsAfter(from).items.length === 0)
          return void response.writeHead(204).end();
        response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', ...headers });
        write(text());
        live.set(response, { position: frames(from).position, write });
        if (log.isFinished()) flush();
      },
      cut: () => request.socket.destroy(),
    };
  }

  const server = createServer((request, response) => {
    const file = files.get(request.url ?? '');
    if (file !== undefined) return void response.writeHead(200, { 'content-type': file.type }).end(file.body);
    asked.push(request.url ?? '');
    tokens.push(request.headers.authorization ?? null);
    response.on('close', () => live.delete(response));
    if (request.url?.startsWith('/api/stream')) {
      return misbehave(
        serving(request, response),
        asked.filter((url) => url.startsWith('/api/stream')).length,
      );
    }
    polls += 1;
    if (pollAnswer?.(response) === true) return;
    const { searchParams } = new URL(request.url ?? '', 'http://feed');
    const before = readEventId(searchParams.get('before') ?? '');
    if (before !== null) {
      const older = eventsBefore(before);
      const limit = Number(searchParams.get('limit'));
      const page = {
        events: older.slice(-limit).reverse(),
        gaps: [],
        cursor: formatPosition(log.end()),
        more: older.length > limit,
      };
      return void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(page));
    }
    const { items, position } = itemsAfter(startOf(request));
    const events = items.flatMap((item) => (item.kind === 'event' ? [item.event] : []));
    const gaps = items.flatMap((item) => (item.kind === 'gap' ? [item.gap] : []));
    const page = {
      events,
      gaps,
      cursor: formatPosition(position),
      more: false,
      ...(log.isFinished() && { ended: true }),
      poll: { waitSeconds: 0, everyMs },
    };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(page));
  });
  const port = await listenOnFreePort(server);
  return {
    url: `http://127.0.0.1:${port}`,
    /** The addresses of the requests so far, and the header Authorization of each. */
    asked,
    tokens,
    get polls() {
      return polls;
    },
    get streams() {
      return live.size;
    },
    log: log as ModelLog,
    /** Serves a file beside the feed, so that a page can have the feed's origin. */
    serve: (path: string, type: string, body: string) => void files.set(path, { type, body }),
    publish(count = 1) {
      for (let each = 0; each < count; each += 1) published.push({ id: log.append(), atMs: Date.now() });
      flush();
    },
    /** Ends the channel with one more event. */
    finish() {
      log.finish();
      published.push({ id: log.end().id, atMs: Date.now() });
      flush();
    },
    /** The events so far were published this much earlier. */
    ageEvents(ms: number) {
      published = published.map(({ id, atMs }) => ({ id, atMs: atMs - ms }));
    },
    heartbeat() {
      for (const { position, write } of live.values())
        write(heartbeatFrame(formatPosition(position), Date.now()));
    },
    /** Announces the end of all open streams. They go on until their readers close them. @param more of the frame. */
    handOver(reason: Handover['reason'] = 'deadline', more: Pick<Handover, 'everyMs'> = {}) {
      for (const { position, write } of live.values()) {
        write(handoverFrame(formatPosition(position), { reason, closesInMs: 60_000, ...more }));
      }
    },
    endAll() {
      for (const response of live.keys()) {
        live.delete(response);
        response.end(lastFrame(250));
      }
    },
    cutAll() {
      for (const response of live.keys()) response.socket?.destroy();
    },
    /** From now on the server advises this interval of polls. */
    pollEvery(ms: number) {
      everyMs = ms;
    },
    /** Answers polls in another way, as long as `answer` returns true. */
    answerPolls(answer: (response: ServerResponse) => boolean) {
      pollAnswer = answer;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
