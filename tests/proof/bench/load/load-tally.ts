/*
 * What has been received. An event's data begins with `^`, which is in nothing else that is sent, and goes on with the
 * time at which it was published.
 */

const mark = '^'.charCodeAt(0);
const end = '$'.charCodeAt(0);

let received = 0;
let latencies: number[] = [];
let news = Promise.withResolvers<void>();

/** An event as it is published now: its data, of so many bytes at least. */
export function makeData(bytes: number): string {
  return `^${performance.now().toFixed(3)}$`.padEnd(bytes, '.');
}

/** Counts the events of a piece of a body, and how long each took. */
export function countEvents(chunk: Buffer): void {
  const now = performance.now();
  for (let at = chunk.indexOf(mark); at !== -1; at = chunk.indexOf(mark, at + 1)) {
    received += 1;
    const close = chunk.indexOf(end, at);
    if (close !== -1) latencies.push(now - Number(chunk.toString('latin1', at + 1, close)));
  }
  tellNews();
}

/** Counts something else than an event: an answer, a handover. */
export function countOne(): void {
  received += 1;
  tellNews();
}

function tellNews(): void {
  const { resolve } = news;
  news = Promise.withResolvers();
  resolve();
}

/** All that was counted so far. */
export function receivedSoFar(): number {
  return received;
}

const patienceMs = 20_000;

/** Resolves once so many have been counted in all. @throws Error with how many are missing, when nothing comes for 20 s. */
export async function arrived(total: number): Promise<void> {
  let seen = received;
  let isStuck = false;
  const watch = setInterval(() => {
    isStuck = received === seen;
    seen = received;
    if (isStuck) tellNews();
  }, patienceMs);
  while (received < total && !isStuck) await news.promise;
  clearInterval(watch);
  if (received < total) throw new Error(`of ${total} events ${total - received} are missing`);
}

/** The latencies since this was asked last, in ms, in their order of size. */
export function takeLatencies(): Float64Array {
  const sorted = Float64Array.from(latencies).sort();
  latencies = [];
  return sorted;
}
