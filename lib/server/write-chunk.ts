import type { OwnConnection } from './own-sockets.ts';

const lineEnd = Buffer.from('\r\n');

/** The chunk that was framed last: streams at the same cursor write the same, one after the other. */
let last: { readonly chunk: Uint8Array; readonly framed: Buffer } | null = null;

/**
 * Writes to a connection whose headers are out, past the layers that a framework puts around it.
 * @param onDrain called when it takes more again, where it does not now; never once it is closed.
 * @returns whether it takes more at once.
 */
export function writeChunk(
  { response, socket }: OwnConnection,
  chunk: Uint8Array,
  onDrain: () => void,
): boolean {
  // A reader that has gone: the end of its request is on its way to whoever writes.
  if (socket.destroyed || response.writableEnded) return false;
  // To HTTP/1.0 the body goes as it is, up to the end of the connection.
  const bytes = response.chunkedEncoding ? framed(chunk) : chunk;
  if (socket.write(bytes)) return true;
  socket.once('drain', onDrain);
  return false;
}

/** A chunk of the chunked transfer coding (RFC 9112, 7.1), in one piece: Node's own would write it in three. */
function framed(chunk: Uint8Array): Buffer {
  if (last?.chunk !== chunk) {
    const size = Buffer.from(`${chunk.length.toString(16)}\r\n`, 'latin1');
    last = { chunk, framed: Buffer.concat([size, chunk, lineEnd]) };
  }
  return last.framed;
}
