import { connect, createServer, type Socket } from 'node:net';
import { listenOnFreePort } from '../listen-on-free-port.ts';

/** A proxy to the app that can break a connection inside an event. It ends with its scope (`await using`). */
export type CuttingProxy = AsyncDisposable & {
  readonly url: string;
  /** Passes only the start of the next event, then closes the connection. */
  cutInsideAnEvent(): void;
  /** The number of connections that it has cut. */
  cuts(): number;
};

const startOfData = 'data: {"id"';

/**
 * Starts a proxy in front of `target`. It passes bytes and does not parse HTTP.
 * @param stripsLastEventId whether it removes that header from each request.
 */
export async function startCuttingProxy(
  target: { readonly port: number },
  stripsLastEventId = false,
): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  let isArmed = false;
  let cuts = 0;

  const track = (socket: Socket) => {
    sockets.add(socket);
    // A reset is not a failure here: `close` follows.
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  };
  const server = createServer((reader) => {
    const app = connect(target.port, '127.0.0.1');
    for (const socket of [reader, app]) track(socket);
    reader.on('data', (bytes) => {
      const text = bytes.toString('latin1');
      app.write(stripsLastEventId ? text.replace(/^last-event-id:.*\r\n/gim, '') : text, 'latin1');
    });
    reader.on('end', () => app.end());
    app.on('data', (bytes) => {
      const at = isArmed ? bytes.indexOf(startOfData) : -1;
      if (at < 0) return void reader.write(bytes);
      reader.end(bytes.subarray(0, at + startOfData.length));
      app.destroy();
      isArmed = false;
      cuts += 1;
    });
    app.on('close', () => reader.end());
    reader.on('close', () => app.destroy());
  });
  const port = await listenOnFreePort(server);

  return {
    url: `http://127.0.0.1:${port}`,
    cutInsideAnEvent: () => {
      isArmed = true;
    },
    cuts: () => cuts,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
