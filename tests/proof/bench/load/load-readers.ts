import { connect, type Socket } from 'node:net';
import { ask } from './load-http.ts';
import type { OpenOrder, Resume, Target } from './load-orders.ts';
import { countEvents, countOne } from './load-tally.ts';

/* The readers. They count over bare sockets, so that they do less work than any server. */

/** One reader: a stream, or a series of streams or polls. */
type Reader = {
  readonly target: Target;
  readonly channel: string | null;
  readonly isReading: boolean;
  /** How it resumes; null: it does not. */
  readonly resume: Resume | null;
  /** Its last position. */
  place: string | null;
  socket: Socket | null;
};

const readers = new Set<Reader>();

/** The number of open readers. */
export function readerCount(): number {
  return readers.size;
}

/** Opens readers. @throws Error if the server refuses a stream. */
export async function openReaders(order: OpenOrder): Promise<void> {
  const { target, count, together, isReading, channels, firstChannel = 0, isLasting = false } = order;
  if (isLasting && target.resume === undefined) throw new Error('This server cannot resume streams');
  let opened = 0;
  await Promise.all(
    Array.from({ length: together }, async () => {
      while (opened < count) {
        const channel = channels === undefined ? null : `channel-${firstChannel + (opened % channels)}`;
        opened += 1;
        const resume = isLasting ? (target.resume ?? null) : null;
        const reader: Reader = { target, channel, isReading, resume, place: null, socket: null };
        readers.add(reader);
        await (target.pollEveryMs === undefined ? openStream(reader) : poll(reader, target.pollEveryMs));
      }
    }),
  );
}

/** Closes all readers. @returns what `reopenReaders` needs. */
export function closeReaders(): readonly Reader[] {
  const closed = [...readers];
  readers.clear();
  for (const { socket } of closed) socket?.removeAllListeners('close').destroy();
  return closed;
}

/** Opens readers again at the same time, each from its position. */
export async function reopenReaders(closed: readonly Reader[]): Promise<void> {
  await Promise.all(
    closed.map((reader) => {
      readers.add(reader);
      return openStream(reader);
    }),
  );
}

/** Cuts the stream of a reader at random, with or without a last packet. The reader comes back. */
export function cutOne(): void {
  const reader = [...readers][Math.floor(Math.random() * readers.size)];
  if (reader === undefined) return;
  if (Math.random() < 0.5) reader.socket?.resetAndDestroy();
  else reader.socket?.destroy();
}

/** The positions of all readers, and how many have each. */
export function placesOfReaders(): ReadonlyMap<string | null, number> {
  const places = new Map<string | null, number>();
  for (const { place } of readers) places.set(place, (places.get(place) ?? 0) + 1);
  return places;
}

/** Lets paused readers read. */
export function resumeReaders(): void {
  for (const { socket } of readers) socket?.resume();
}

/**
 * Opens one stream and resolves when it is live. Its first bytes are not enough: until the server has set its start
 * position, the stream does not get new events.
 */
function openStream(reader: Reader): Promise<void> {
  const { resume, isReading } = reader;
  const { port, openMark } = reader.target;
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    reader.socket = socket;
    socket.on('error', reject);
    socket.on('close', () => {
      reject(new Error('The server closed a stream'));
      comeBack(reader, socket);
    });
    socket.write(`GET ${pathOf(reader)} HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n`);
    const take = (chunk: Buffer) => {
      countEvents(chunk);
      if (resume !== null) follow(reader, resume, socket, chunk);
    };
    let head = '';
    const begin = (chunk: Buffer) => {
      take(chunk);
      head += chunk.toString('latin1');
      if (head.includes('event: refused') || !head.startsWith('HTTP/1.1 200')) {
        socket.destroy();
        return reject(new Error(head));
      }
      if (!head.includes(openMark)) return;
      socket.off('data', begin).on('data', take);
      if (!isReading) socket.pause();
      resolve();
    };
    socket.on('data', begin);
  });
}

/** How soon a reader comes back whose stream was cut, in ms. */
const comeBackMs = 200;

/** A reader that lasts opens another stream when its last one is gone. */
function comeBack(reader: Reader, socket: Socket): void {
  if (reader.resume === null) return;
  setTimeout(() => {
    if (reader.socket === socket && readers.has(reader)) openStream(reader).catch(() => undefined);
  }, comeBackMs);
}

/** Keeps the position of the stream. At a handover, opens the next stream and closes this one when the next is live. */
function follow(reader: Reader, resume: Resume, socket: Socket, chunk: Buffer): void {
  const at = chunk.lastIndexOf(resume.idMark);
  const end = at === -1 ? -1 : chunk.indexOf(resume.idEnd, at + resume.idMark.length);
  if (end !== -1) reader.place = chunk.toString('latin1', at + resume.idMark.length, end);
  if (reader.socket !== socket || !chunk.includes(resume.handoverMark)) return;
  openStream(reader).then(
    () => {
      countOne();
      socket.destroy();
    },
    // Then `comeBack` opens another one.
    () => undefined,
  );
}

/** Polls for ever; resolves after the first answer. */
async function poll(reader: Reader, everyMs: number): Promise<void> {
  const askOnce = async () => {
    const chunks: Buffer[] = [];
    await ask(reader.target.port, pathOf(reader), {}, (chunk) => {
      countEvents(chunk);
      chunks.push(chunk);
    });
    reader.place = (JSON.parse(Buffer.concat(chunks).toString()) as { readonly cursor: string }).cursor;
  };
  await askOnce();
  // The first pause is random, so that readers do not poll at the same moments.
  const next = (pauseMs: number): void => {
    setTimeout(() => {
      if (readers.has(reader))
        askOnce().then(
          () => next(everyMs),
          () => readers.delete(reader),
        );
    }, pauseMs);
  };
  next(everyMs * Math.random());
}

function pathOf({ target, channel, place }: Reader): string {
  const query = new URLSearchParams();
  if (channel !== null) query.set('channel', channel);
  const { query: name = 'after' } = target.resume ?? {};
  if (place !== null) query.set(name.replace('<channel>', channel ?? 'default'), place);
  const mark = target.streamPath.includes('?') ? '&' : '?';
  return query.size === 0 ? target.streamPath : `${target.streamPath}${mark}${query}`;
}
