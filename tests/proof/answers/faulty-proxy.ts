import { connect, createServer, type Socket } from 'node:net';
import { listenOnFreePort } from '../../support/listen-on-free-port.ts';
import type { Seeded } from '../../support/seeded.ts';

/** Stands in front of the servers. It ends with its scope (`await using`). */
export type FaultyProxy = AsyncDisposable & {
  readonly url: string;
  /** The number of connections that it cut at a byte, and at the limit. */
  readonly cuts: { atByte: number; atLimit: number };
};

/** Every connection ends after this time, as at a platform's limit, in ms. */
export const limitMs = 10_000;

/** A connection that is cut is cut after at most so many bytes of the answer. */
const cutWithinBytes = 20_000;

/**
 * Passes each connection to one of the servers that run, cuts half of them at a random byte of the answer, and ends all others
 * at the limit. It does not parse HTTP.
 * @param portsNow the ports of the servers that run now.
 */
export async function startFaultyProxy(
  portsNow: () => readonly number[],
  random: Seeded,
): Promise<FaultyProxy> {
  const sockets = new Set<Socket>();
  const cuts = { atByte: 0, atLimit: 0 };
  const server = createServer((reader) => {
    const ports = portsNow();
    if (ports.length === 0) return void reader.destroy();
    const app = connect(random.pick(ports), '127.0.0.1');
    const cutAt = random.chance(0.5) ? random.whole(1, cutWithinBytes) : Number.POSITIVE_INFINITY;
    let passed = 0;
    const cut = (kind: keyof typeof cuts) => {
      if (reader.destroyed) return;
      cuts[kind] += 1;
      reader.destroy();
      app.destroy();
    };
    const timer = setTimeout(() => cut('atLimit'), limitMs);
    for (const socket of [reader, app]) {
      sockets.add(socket);
      // A reset is not a failure here: `close` follows.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        clearTimeout(timer);
        reader.destroy();
        app.destroy();
      });
    }
    reader.on('data', (bytes) => app.write(bytes));
    app.on('data', (bytes: Buffer) => {
      const rest = cutAt - passed;
      passed += bytes.length;
      if (bytes.length < rest) return void reader.write(bytes);
      reader.write(bytes.subarray(0, rest), () => cut('atByte'));
    });
    app.on('end', () => reader.end());
    reader.on('end', () => app.end());
  });
  const port = await listenOnFreePort(server);
  return {
    url: `http://127.0.0.1:${port}`,
    cuts,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
