import { connect, createServer, type Socket } from 'node:net';
import { listenOnFreePort } from '../../../support/listen-on-free-port.ts';
import type { RunningBox, Target } from '../middlebox.ts';

/** A reader's connection, and its other half to the server. */
export type Link = {
  /** From now on bytes and ends vanish. Both sockets stay open, as where a NAT has forgotten the connection. */
  freeze(): void;
  /** Closes both sockets. */
  close(): void;
  /** Runs something later, unless the link is over by then. @returns a function that cancels it. */
  after(ms: number, run: () => void): () => void;
  /** Calls `run` for the bytes of either direction. */
  onBytes(run: () => void): void;
  onClose(run: () => void): void;
};

export type TcpRules = {
  /** Watches a new link. A promise holds up its bytes. */
  readonly begin?: (link: Link) => void | Promise<void>;
  /** Changes the first bytes of a request, and of an answer. */
  readonly firstBytes?: {
    readonly request: (head: Buffer) => Buffer;
    readonly answer: (head: Buffer) => Buffer;
  };
};

/** Starts a proxy that passes bytes and does not parse HTTP. It follows `rules` until it behaves. */
export function startTcpBox(target: Target, rules: TcpRules): Promise<RunningBox> {
  return startForwarder((isBehaving) => ({ port: target.port, rules: isBehaving ? {} : rules }), doNothing);
}

/**
 * Starts the switch in front of a program: connections go through it until the box behaves. Then all connections are
 * closed, as when a proxy gets a new configuration, and new ones go straight to the server.
 */
export function startSwitch(program: Target, target: Target): Promise<RunningBox> {
  return startForwarder(
    (isBehaving) => ({ port: (isBehaving ? target : program).port, rules: {} }),
    (closeAll) => closeAll(),
  );
}

const doNothing = () => {};

async function startForwarder(
  choose: (isBehaving: boolean) => { readonly port: number; readonly rules: TcpRules },
  onBehave: (closeAll: () => void) => void,
): Promise<RunningBox> {
  const closers = new Set<() => void>();
  let isBehaving = false;
  // Each side may end its half: a box passes the end of one direction on, and leaves the other open.
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (reader) => {
    const { port, rules } = choose(isBehaving);
    void forward(reader, port, rules, closers);
  });
  const port = await listenOnFreePort(server);
  const closeAll = () => {
    for (const close of [...closers]) close();
  };
  return {
    url: `http://127.0.0.1:${port}`,
    behave() {
      isBehaving = true;
      onBehave(closeAll);
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      closeAll();
      await closed;
    },
  };
}

async function forward(
  reader: Socket,
  port: number,
  { begin, firstBytes }: TcpRules,
  closers: Set<() => void>,
): Promise<void> {
  const timers = new Set<NodeJS.Timeout>();
  const watchers: (() => void)[] = [];
  const closeListeners: (() => void)[] = [];
  let upstream: Socket | null = null;
  let isFrozen = false;
  let isOver = false;
  const close = () => {
    if (isOver) return;
    isOver = true;
    closers.delete(close);
    for (const timer of timers) clearTimeout(timer);
    reader.destroy();
    upstream?.destroy();
    for (const run of closeListeners) run();
  };
  closers.add(close);
  const onEnd = (run: () => void) => () => {
    if (!isFrozen) run();
  };
  reader.on('error', onEnd(close));
  reader.on('close', onEnd(close));
  await begin?.({
    freeze: () => {
      isFrozen = true;
    },
    close,
    after(ms, run) {
      const timer = setTimeout(run, ms);
      timers.add(timer);
      return () => {
        clearTimeout(timer);
        timers.delete(timer);
      };
    },
    onBytes: (run) => void watchers.push(run),
    onClose: (run) => void closeListeners.push(run),
  });
  if (isOver) return;
  const server = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  upstream = server;
  for (const socket of [reader, server]) socket.setNoDelay(true);
  const pass = (from: Socket, to: Socket, change: ((head: Buffer) => Buffer) | undefined) => {
    let isFirst = true;
    from.on('data', (bytes: Buffer) => {
      if (isFrozen) return;
      for (const run of watchers) run();
      to.write(isFirst && change !== undefined ? change(bytes) : bytes);
      isFirst = false;
    });
    from.on(
      'end',
      onEnd(() => to.end()),
    );
  };
  pass(reader, server, firstBytes?.request);
  pass(server, reader, firstBytes?.answer);
  server.on('error', onEnd(close));
  server.on('close', onEnd(close));
  reader.resume();
}
