import { once } from 'node:events';
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A proxy between the browser and the app. It passes everything on at once, unless it is told to misbehave. */
export type Front = {
  readonly port: number;
  /** Requests go to this port of this machine from now on. What is open stays where it is. */
  pointTo(port: number): void;
  /** Resets every connection on which the browser reads the feed. @returns how many. */
  cut(): number;
  /** While streams are blocked, none of their bytes arrive, as behind a proxy that buffers. Polls pass. */
  blockStreams(isBlocked: boolean): void;
  /** While the feed is unreachable, each of its connections is reset. The page itself and the controls work. */
  makeUnreachable(isUnreachable: boolean): void;
  close(): Promise<void>;
};

/**
 * @param host the address that it listens on.
 * @param answerControl answers the requests to `/demo/…`; they never reach the app.
 */
export async function startFront(
  port: number,
  host: string,
  answerControl: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Front> {
  let target = 0;
  let isUnreachable = false;
  let isBlocked = false;
  let unblocked = Promise.resolve();
  let unblock = () => {};
  // A socket of a process that has ended must not be used again, so each process has its own.
  const agents = new Map<number, Agent>();
  const agentOf = (appPort: number) => {
    const agent = agents.get(appPort) ?? new Agent({ keepAlive: true });
    agents.set(appPort, agent);
    return agent;
  };
  const feedSockets = new Map<Socket, number>();

  const server = createServer((request, response) => {
    const { socket, url = '/' } = request;
    if (url.startsWith('/demo/')) return answerControl(request, response);
    const kind = kindOf(request);
    if (kind !== 'other' && isUnreachable) return socket.resetAndDestroy();
    if (kind !== 'other') {
      feedSockets.set(socket, (feedSockets.get(socket) ?? 0) + 1);
      response.once('close', () => {
        const open = (feedSockets.get(socket) ?? 1) - 1;
        if (open === 0) feedSockets.delete(socket);
        else feedSockets.set(socket, open);
      });
    }
    forward(request, response, kind === 'stream');
  });
  server.requestTimeout = 0;

  function forward(request: IncomingMessage, response: ServerResponse, isStream: boolean): void {
    const { method, url, headers, socket } = request;
    const appPort = target;
    const onward = httpRequest(
      { host: '127.0.0.1', port: appPort, agent: agentOf(appPort), method, path: url, headers },
      (answer) => {
        const begin = () => {
          if (socket.destroyed) return answer.destroy();
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          response.flushHeaders();
          answer.on('data', (bytes: Buffer) => {
            if (isStream && isBlocked) {
              answer.pause();
              void unblocked.then(() => answer.resume());
            }
            if (!response.write(bytes)) {
              answer.pause();
              response.once('drain', () => answer.resume());
            }
          });
          answer.once('end', () => response.end());
          answer.once('aborted', () => socket.resetAndDestroy());
        };
        if (isStream && isBlocked) void unblocked.then(begin);
        else begin();
      },
    );
    // The app is gone, as its connection would be without this proxy.
    onward.once('error', () => socket.resetAndDestroy());
    response.once('close', () => onward.destroy());
    request.pipe(onward);
  }

  const cut = () => {
    const sockets = [...feedSockets.keys()];
    for (const socket of sockets) socket.resetAndDestroy();
    return sockets.length;
  };

  server.listen(port, host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    pointTo(appPort) {
      target = appPort;
    },
    cut,
    blockStreams(isOn) {
      unblock();
      isBlocked = isOn;
      if (!isOn) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      unblocked = promise;
      unblock = resolve;
      cut();
    },
    makeUnreachable(isOn) {
      isUnreachable = isOn;
      if (isOn) cut();
    },
    async close() {
      unblock();
      server.closeAllConnections();
      for (const agent of agents.values()) agent.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What a request is for; the feed may be below a base path. Publish requests are not of the reader. */
function kindOf({ method, url = '/' }: IncomingMessage): 'stream' | 'poll' | 'other' {
  const path = url.split('?')[0] ?? '';
  if (path.endsWith('/api/stream')) return 'stream';
  return path.endsWith('/api/events') && method === 'GET' ? 'poll' : 'other';
}
