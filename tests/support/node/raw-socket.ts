import { connect, type Socket } from 'node:net';
import { eventually, within } from './eventually.ts';
import { checkNoSecret } from './secrets.ts';

/** A TCP connection whose bytes a test writes and reads itself. It ends with its scope (`using`). */
export type RawSocket = Disposable & {
  readonly socket: Socket;
  /** The last 200,000 received characters, as Latin-1. */
  received(): string;
  /** Waits until the received text contains `text`. */
  until(text: string, withinMs?: number): Promise<void>;
  /** Resolves when the connection is closed, by either side. */
  readonly closed: Promise<void>;
};

const maxKept = 200_000;

/** Connects and writes `text`. */
export async function openRawSocket(port: number, text = ''): Promise<RawSocket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let received = '';
  socket.on('data', (chunk) => {
    received = (received + chunk.toString('latin1')).slice(-maxKept);
    checkNoSecret(received, 'an answer');
  });
  // A reset is not a failure here: `closed` resolves.
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('end', () => socket.end());
  await within('the socket connects', 30_000, new Promise((resolve) => socket.once('connect', resolve)));
  socket.write(text);
  return {
    socket,
    received: () => received,
    async until(wanted, withinMs = 30_000) {
      await eventually(`"${wanted}" arrives; received so far: ${received.slice(-500)}`, withinMs, () =>
        received.includes(wanted),
      );
    },
    closed,
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

/** The text of a request with the header `host` and the given headers, without a body. */
export function requestText(method: string, path: string, headers: readonly string[] = []): string {
  return [`${method} ${path} HTTP/1.1`, 'host: 127.0.0.1', ...headers, '', ''].join('\r\n');
}
