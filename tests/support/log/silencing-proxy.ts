import { connect, createServer, type Socket } from 'node:net';
import { listenOnFreePort } from '../listen-on-free-port.ts';

/** A way to a server on this machine that can fall silent, as a firewall that has forgotten a connection. */
export type SilencingProxy = AsyncDisposable & {
  readonly port: number;
  /** The number of connections so far. */
  connections(): number;
  /**
   * From now on, the connections that are open pass nothing on in either direction, and stay open. Later ones work.
   * @param chosen only those that have sent this text.
   */
  silence(chosen?: string): void;
};

/** Starts the proxy in front of a port of 127.0.0.1. */
export async function startSilencingProxy(targetPort: number): Promise<SilencingProxy> {
  const pairs = new Set<{ readonly sockets: readonly Socket[]; sent: string; isSilent: boolean }>();
  let connections = 0;
  const server = createServer((near) => {
    connections += 1;
    const far = connect(targetPort, '127.0.0.1');
    const pair = { sockets: [near, far], sent: '', isSilent: false };
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      for (const socket of pair.sockets) socket.destroy();
    };
    for (const socket of pair.sockets) socket.on('error', end).on('close', end);
    near.on('data', (bytes) => {
      pair.sent += bytes.toString('latin1');
      if (!pair.isSilent) far.write(bytes);
    });
    far.on('data', (bytes) => pair.isSilent || near.write(bytes));
  });
  const port = await listenOnFreePort(server);
  return {
    port,
    connections: () => connections,
    silence(chosen = '') {
      for (const pair of pairs) if (pair.sent.includes(chosen)) pair.isSilent = true;
    },
    async [Symbol.asyncDispose]() {
      for (const { sockets } of pairs) for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
