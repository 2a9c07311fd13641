import { constants, createGzip } from 'node:zlib';
import { type Middlebox, promise } from '../middlebox.ts';
import { type Exchange, passing, startHttpBox, type Way } from './http-box.ts';

const nothing = Buffer.alloc(0);

/** A box that does the same with every answer. */
function box(name: string, title: string, begin: (exchange: Exchange) => Way | null): Middlebox {
  return { name, title, program: null, due: promise, start: (target) => startHttpBox(target, { begin }) };
}

/**
 * Holds bytes until the answer is complete.
 * @param countFree how many of the held bytes go on, each time a chunk has come; `held` has it at its end.
 */
const holdBack =
  (countFree: (held: Buffer, chunk: Buffer) => number) =>
  ({ write, end }: Exchange): Way => {
    let held: Buffer = nothing;
    return {
      take(chunk) {
        held = Buffer.concat([held, chunk]);
        const free = countFree(held, chunk);
        write(held.subarray(0, free));
        held = held.subarray(free);
      },
      end() {
        write(held);
        end();
      },
      release() {
        write(held);
        return passing({ write, end });
      },
    };
  };

/** Holds everything. */
export const holdAll = holdBack(() => 0);

/** Passes on whole blocks. */
const passBlocks = (size: number) => holdBack((held) => held.length - (held.length % size));

/** Passes a chunk on when the next one comes. */
const stayOneChunkBehind = holdBack((held, chunk) => held.length - chunk.length);

/** Passes a message on when the next one is complete. An empty line ends a message. */
const stayOneMessageBehind = holdBack((held) => {
  const lastEnd = held.lastIndexOf('\n\n');
  const previousEnd = lastEnd < 0 ? -1 : held.lastIndexOf('\n\n', lastEnd - 1);
  return previousEnd < 0 ? 0 : previousEnd + 2;
});

/** Passes the first bytes on. */
const holdAfter = (bytes: number) => (exchange: Exchange) => {
  let left = bytes;
  const hold = holdBack((held) => {
    const free = Math.min(left, held.length);
    left -= free;
    return free;
  });
  return hold(exchange);
};

/** Passes on one byte every 2 s while it has not seen the end. */
function trickle({ write, end, after }: Exchange): Way {
  let held: Buffer = nothing;
  const pass = () => {
    write(held.subarray(0, 1));
    held = held.subarray(1);
    after(2_000, pass);
  };
  after(2_000, pass);
  return {
    take(chunk) {
      held = Buffer.concat([held, chunk]);
    },
    end() {
      write(held);
      end();
    },
    release() {
      write(held);
      held = nothing;
      return passing({ write, end });
    },
  };
}

/** Passes the first bytes at once, and all later ones late. */
const passLate =
  (atOnce: number, ms: number) =>
  ({ write, end, after }: Exchange): Way => {
    const late: Buffer[] = [];
    let passed = 0;
    let isLate = false;
    let hasEnded = false;
    const passNext = () => {
      const next = late.shift();
      if (next !== undefined) write(next);
    };
    return {
      take(chunk) {
        const first = chunk.subarray(0, Math.max(0, atOnce - passed));
        passed += first.length;
        write(first);
        const rest = chunk.subarray(first.length);
        if (rest.length === 0) return;
        isLate = true;
        late.push(rest);
        after(ms, passNext);
      },
      end() {
        hasEnded = true;
        if (isLate) after(ms, end);
        else end();
      },
      release() {
        for (const bytes of late.splice(0)) write(bytes);
        if (hasEnded) end();
        return passing({ write, end });
      },
    };
  };

/** Compresses without a flush: bytes come out when the compressor has a full block, or at the end. */
function compress({ request, write, end }: Exchange): Way | null {
  if (!String(request.headers['accept-encoding'] ?? '').includes('gzip')) return null;
  const packer = createGzip();
  // The server has compressed some answers itself.
  let isPacked = false;
  let isFlushing = false;
  packer.on('data', write);
  packer.on('end', end);
  const way: Way = {
    head(_status, headers) {
      isPacked = headers['content-encoding'] !== undefined;
      if (isPacked) return;
      delete headers['content-length'];
      headers['content-encoding'] = 'gzip';
    },
    take(chunk) {
      if (isPacked) return write(chunk);
      packer.write(chunk);
      if (isFlushing) packer.flush(constants.Z_SYNC_FLUSH);
    },
    end: () => (isPacked ? end() : void packer.end()),
    release() {
      isFlushing = true;
      if (!isPacked) packer.flush(constants.Z_SYNC_FLUSH);
      return way;
    },
  };
  return way;
}

const kib = 1_024;

/** Boxes that hold bytes back. */
export const holdingBoxes: readonly Middlebox[] = [
  box('holds-all', 'holds everything until the end', holdAll),
  ...[1, 2, 4, 8, 16].map((size) =>
    box(`blocks-${size}k`, `passes on exact blocks of ${size} KiB`, passBlocks(size * kib)),
  ),
  box('holds-hello', 'passes the first 2 KiB, and holds the rest', holdAfter(2 * kib)),
  box('scanner', 'passes one byte every 2 s until it has seen the end', trickle),
  box('one-chunk-behind', 'is one chunk behind', stayOneChunkBehind),
  box('one-message-behind', 'is one message behind', stayOneMessageBehind),
  box('late-after-3k', 'passes the first 3 KiB at once, and the rest 20 s late', passLate(3 * kib, 20_000)),
  box('delays-3s', 'delays everything by 3 s', passLate(0, 3_000)),
  box('gzip-buffers', 'compresses with gzip, and does not flush', compress),
];
