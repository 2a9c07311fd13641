import {
  request as ask,
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { listenOnFreePort } from '../../../support/listen-on-free-port.ts';
import type { Seeded } from '../../../support/seeded.ts';
import type { FaultyNetwork } from './faulty-network.ts';
import { createWire } from './wire.ts';

/** A process of the app that can take requests. */
export type Upstream = {
  readonly port: number;
  /** The fault that ended this process; null while no fault did. */
  readonly endedBy: string | null;
};

/**
 * The load balancer between all clients and the app's processes: it sends each request to a random process. Ends with the
 * scope that holds it by `await using`.
 */
export type LoadBalancer = AsyncDisposable & {
  /** An address for one client only, so that a cut connection can be assigned to its client. */
  addressFor(client: string): Promise<string>;
};

export type LoadBalancerOptions = {
  /** The processes that take requests now. */
  readonly upstreams: () => readonly Upstream[];
  readonly network: FaultyNetwork;
  readonly draw: Seeded;
  /** Called for each connection that ended before its last byte; null: no fault caused it. */
  readonly onCut: (client: string, fault: string | null) => void;
};

export function createLoadBalancer({ upstreams, network, draw, onCut }: LoadBalancerOptions): LoadBalancer {
  const servers: Server[] = [];

  function forward(client: string, incoming: IncomingMessage, outgoing: ServerResponse) {
    const { method, headers, url } = incoming;
    const isNative = headers.accept === 'text/event-stream';
    const struck = network.request();
    const fail = (fault: string | null) => {
      if (outgoing.destroyed || outgoing.headersSent) return;
      onCut(client, fault);
      outgoing.socket?.resetAndDestroy();
    };
    if (struck?.fate === 'refuse') return fail(struck.networkFault.fault);
    if (struck?.fate === 'bad-gateway' && !isNative) {
      incoming.resume();
      outgoing.writeHead(502).end('bad gateway');
      return;
    }
    const all = upstreams();
    if (all.length === 0) return fail(null);
    const upstream = draw.pick(all);
    const target = { host: '127.0.0.1', port: upstream.port, method, headers, path: url, agent: false };
    const asked = ask(target, (answer) => {
      if (struck?.fate === 'lose-answer') {
        answer.resume();
        return fail(struck.networkFault.fault);
      }
      pass(client, answer, outgoing, upstream);
    });
    asked.on('error', () => fail(upstream.endedBy));
    outgoing.on('close', () => asked.destroy());
    incoming.on('error', () => asked.destroy());
    incoming.pipe(asked);
  }

  function pass(client: string, answer: IncomingMessage, outgoing: ServerResponse, upstream: Upstream): void {
    const isStream = answer.headers['content-type']?.startsWith('text/event-stream') ?? false;
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    outgoing.flushHeaders();
    const wire = createWire({
      outgoing,
      isStream,
      network,
      onCut: (networkFault) => onCut(client, networkFault.fault),
    });
    answer.on('data', (chunk: Buffer) => {
      if (wire.write(chunk)) return;
      answer.pause();
      outgoing.once('drain', () => answer.resume());
    });
    answer.on('end', wire.end);
    answer.on('error', () => {
      if (!outgoing.destroyed) onCut(client, upstream.endedBy);
      wire.break();
    });
  }

  return {
    async addressFor(client) {
      const server = createServer((incoming, outgoing) => {
        outgoing.on('error', () => undefined);
        forward(client, incoming, outgoing);
      });
      // Clients that break off are part of the test.
      server.on('clientError', (_error, socket) => socket.destroy());
      server.keepAliveTimeout = 10_000;
      servers.push(server);
      const port = await listenOnFreePort(server);
      return `http://127.0.0.1:${port}`;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(
        servers.map((server) => {
          const closed = new Promise((resolve) => server.close(resolve));
          server.closeAllConnections();
          return closed;
        }),
      );
    },
  };
}
