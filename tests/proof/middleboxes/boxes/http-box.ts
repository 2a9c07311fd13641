import {
  Agent,
  request as ask,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from 'node:http';
import { listenOnFreePort } from '../../../support/listen-on-free-port.ts';
import type { RunningBox, Target } from '../middlebox.ts';

/** One request and its answer, inside a box. The head of the answer goes out with its first bytes. */
export type Exchange = {
  readonly request: IncomingMessage;
  /** Sends bytes of the body to the reader. */
  write(bytes: Uint8Array): void;
  /** Ends the answer cleanly, and leaves the server. */
  end(): void;
  /** Answers instead of the server. It has no effect once bytes of the server's answer went out. */
  reply(status: number, headers: OutgoingHttpHeaders, body: string | Uint8Array): void;
  /** Resets the reader's connection, and leaves the server. */
  reset(): void;
  /** Runs something later, unless the exchange is over by then, or the box behaves. */
  after(ms: number, run: () => void): void;
};

/** What a box does with one answer. */
export type Way = {
  /** Sees the head of the server's answer, and may change its headers. */
  head?(status: number, headers: OutgoingHttpHeaders): void;
  take(chunk: Buffer): void;
  /** The server's answer is complete. */
  end(): void;
  /** The box behaves from now on. It sends what it holds, and returns the way of what comes later. Without it, this way goes on. */
  release?(): Way;
};

export type HttpRules = {
  /** Changes the headers of a request before the server gets it. */
  readonly changeRequest?: (headers: IncomingHttpHeaders) => void;
  /** Begins an exchange. It may reply at once; the server is not asked then. */
  readonly begin?: (exchange: Exchange) => Way | null;
};

/** Passes everything on as it comes. */
export function passing({ write, end }: Pick<Exchange, 'write' | 'end'>): Way {
  return { take: write, end };
}

/** Headers that belong to one connection (RFC 9110, section 7.6.1). */
const hopByHop = ['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'proxy-connection'];

/** Starts a proxy that understands HTTP/1.1 and follows `rules` until it behaves. */
export async function startHttpBox(target: Target, rules: HttpRules): Promise<RunningBox> {
  const agent = new Agent({ keepAlive: true });
  const releases = new Set<() => void>();
  let isBehaving = false;

  function handle(request: IncomingMessage, response: ServerResponse): void {
    const headers = { ...request.headers };
    for (const name of hopByHop) delete headers[name];
    if (!isBehaving) rules.changeRequest?.(headers);
    const upstream = { host: '127.0.0.1', port: target.port, path: request.url, method: request.method };
    const asked = ask({ ...upstream, headers, agent });
    const timers = new Set<NodeJS.Timeout>();
    let head: { readonly status: number; readonly headers: OutgoingHttpHeaders } | null = null;
    let isOver = false;
    const cancelTimers = () => {
      for (const timer of timers) clearTimeout(timer);
    };
    const over = () => {
      if (isOver) return;
      isOver = true;
      cancelTimers();
      releases.delete(release);
      asked.destroy();
    };
    const exchange: Exchange = {
      request,
      write(bytes) {
        if (isOver || bytes.length === 0) return;
        if (!response.headersSent) response.writeHead(head?.status ?? 502, head?.headers);
        response.write(bytes);
      },
      end() {
        if (isOver) return;
        if (!response.headersSent) response.writeHead(head?.status ?? 502, head?.headers);
        response.end();
        over();
      },
      reply(status, own, body) {
        if (isOver || response.headersSent) return;
        const bytes = Buffer.from(body);
        response.writeHead(status, { ...own, 'content-length': bytes.length }).end(bytes);
        over();
      },
      reset() {
        response.socket?.resetAndDestroy();
        over();
      },
      after(ms, run) {
        const timer = setTimeout(() => {
          timers.delete(timer);
          run();
        }, ms);
        timers.add(timer);
      },
    };
    let way: Way = passing(exchange);
    const release = () => {
      cancelTimers();
      way = way.release?.() ?? way;
    };
    response.on('close', over);
    response.on('error', over);
    // A request that the box has left fails, too.
    asked.on('error', () => {
      if (!isOver) exchange.reset();
    });
    asked.on('response', (answer) => {
      const own: OutgoingHttpHeaders = { ...answer.headers };
      for (const name of hopByHop) delete own[name];
      head = { status: answer.statusCode ?? 502, headers: own };
      way.head?.(head.status, own);
      answer.on('data', (chunk: Buffer) => way.take(chunk));
      answer.on('end', () => way.end());
      answer.on('error', () => {
        if (!isOver) exchange.reset();
      });
    });
    if (!isBehaving) way = rules.begin?.(exchange) ?? way;
    if (isOver) return void request.resume();
    releases.add(release);
    request.on('error', over);
    request.pipe(asked);
  }

  const server = createServer(handle);
  server.on('clientError', (_error, socket) => socket.destroy());
  // Longer than readers keep an unused connection: a box closes only what its rules say.
  server.keepAliveTimeout = 65_000;
  const port = await listenOnFreePort(server);
  return {
    url: `http://127.0.0.1:${port}`,
    behave() {
      isBehaving = true;
      for (const release of [...releases]) release();
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      agent.destroy();
    },
  };
}
