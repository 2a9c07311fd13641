import { connect, createServer, type Socket } from 'node:net';
import { listenOnPort } from '../listen-on-free-port.ts';

/** A TCP proxy between a browser and the app. It ends with its scope (`await using`). */
export type Relay = AsyncDisposable & {
  readonly url: string;
  /** The number of open connections of the browser. */
  connections(): number;
  /** Destroys every connection, at both ends. */
  cutAll(): void;
  /** Destroys every connection at the app's end only. The browser does not notice, as after the restart of a router. */
  forgetAll(): void;
};

/**
 * Starts a relay to `target`, an origin.
 * @param delayMs the delay of all bytes in each direction.
 * @param ownPort the port of an earlier relay, to start again there. Default: any free port.
 */
export async function startRelay(target: string, delayMs = 0, ownPort = 0): Promise<Relay> {
  const { hostname, port } = new URL(target);
  const pairs = new Map<Socket, Socket>();

  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    pairs.set(near, far);
    join(near, far);
    join(far, near);
    near.on('close', () => pairs.delete(near));
  });

  function join(from: Socket, to: Socket): void {
    const pass = (act: () => void) => (delayMs === 0 ? act() : setTimeout(act, delayMs));
    from.setNoDelay(true);
    from.on('data', (bytes) => pass(() => to.write(bytes)));
    from.on('end', () => pass(() => to.end()));
    from.on('close', () => pass(() => to.destroy()));
    // `close` follows an error and ends the other side.
    from.on('error', () => undefined);
  }

  const listeningPort = await listenOnPort(server, ownPort);
  const cutAll = () => {
    for (const [near, far] of pairs) {
      near.destroy();
      far.destroy();
    }
  };
  return {
    url: `http://127.0.0.1:${listeningPort}`,
    connections: () => pairs.size,
    cutAll,
    forgetAll() {
      for (const far of pairs.values()) {
        far.removeAllListeners('end').removeAllListeners('close');
        far.destroy();
      }
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      cutAll();
      await closed;
    },
  };
}
