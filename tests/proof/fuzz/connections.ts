import { connect, type Socket } from 'node:net';

/** Connections to one server, of which some wait for their next request. Destroyed with the scope by `using`. */
export type Connections = Disposable & {
  /** One that waits, or a new one. */
  kept(): Promise<Socket>;
  /** A new one. */
  own(): Promise<Socket>;
  /** Lets one wait for the next request. */
  keep(socket: Socket): void;
};

/** Well within the 5 s after which the server closes one that waits. */
const waitsForMs = 1_500;

/** Makes connections to 127.0.0.1. */
export function makeConnections(port: number): Connections {
  const waiting: { readonly socket: Socket; readonly sinceMs: number }[] = [];
  const own = () =>
    new Promise<Socket>((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        // A reset is one of the ways to be closed; who reads hears `close`.
        socket.on('error', () => undefined);
        resolve(socket);
      });
    });
  return {
    own,
    async kept() {
      for (let last = waiting.pop(); last !== undefined; last = waiting.pop()) {
        const isFresh = performance.now() - last.sinceMs < waitsForMs;
        if (isFresh && last.socket.readable && !last.socket.destroyed) return last.socket;
        last.socket.destroy();
      }
      return own();
    },
    keep: (socket) => void waiting.push({ socket, sinceMs: performance.now() }),
    [Symbol.dispose]() {
      for (const { socket } of waiting) socket.destroy();
    },
  };
}
