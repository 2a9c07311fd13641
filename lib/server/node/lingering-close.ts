import type { Socket } from 'node:net';
import { type Clock, serverClock } from '../../core/clock.ts';

/** What a client may still send on a connection that lingers. */
export type LingerLimits = {
  /** Most bytes. It is twice what publishing drains of a body that is too large. */
  readonly maxBytes: number;
  /** How long the connection lingers, in ms. */
  readonly ms: number;
};

/** The limits that `closeLingering` has by default. */
export const lingerLimits: LingerLimits = { maxBytes: 16 * 1024 * 1024, ms: 10_000 };

const lingering = new WeakSet<Socket>();

/**
 * Closes a connection on which the client may still be sending (RFC 9112, 9.6, "lingering close"). It ends the server's half
 * after what was written, drops what arrives, and closes the connection when the client has closed its half, or is over a
 * limit. Without this, the system answers the bytes that nobody reads with a reset, and a client that sends everything
 * before it reads loses the response.
 */
export function closeLingering(
  socket: Socket,
  { maxBytes, ms }: LingerLimits = lingerLimits,
  clock: Clock = serverClock,
): void {
  if (lingering.has(socket) || socket.destroyed) return;
  lingering.add(socket);
  // Node has removed its own listener from the socket of a CONNECT: a reset by the client would end the process.
  socket.on('error', () => socket.destroy());
  let leftBytes = maxBytes;
  // Node's parser of requests would go on: it would report each further request, and a broken one again and again.
  socket.removeAllListeners('data');
  socket.on('data', (bytes: Buffer) => {
    leftBytes -= bytes.length;
    if (leftBytes < 0) socket.destroy();
  });
  socket.on(
    'close',
    clock.after(ms, () => socket.destroy()),
  );
  socket.end();
  socket.resume();
}
