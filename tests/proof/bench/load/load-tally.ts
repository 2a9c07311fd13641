/*
 * Counts what readers receive. The data of an event starts with `^`, which appears nowhere else, followed by the time of
 * its publication and `$`.
 */

const mark = '^'.charCodeAt(0);
const end = '$'.charCodeAt(0);

let received = 0;
let latencies: number[] = [];
let answers: number[] = [];
let news = Promise.withResolvers<void>();

/** The data of an event that is published now, with at least this many bytes. */
export function makeData(bytes: number): string {
  return `^${performance.now().toFixed(3)}$`.padEnd(bytes, '.');
}

/** Counts the events in a chunk, and measures the latency of each. */
export function countEvents(chunk: Buffer): void {
  const now = performance.now();
  for (let at = chunk.indexOf(mark); at !== -1; at = chunk.indexOf(mark, at + 1)) {
    received += 1;
    const close = chunk.indexOf(end, at);
    if (close !== -1) latencies.push(now - Number(chunk.toString('latin1', at + 1, close)));
  }
  tellNews();
}

/** Counts an answer or a handover. */
export function countOne(): void {
  received += 1;
  tellNews();
}

function tellNews(): void {
  const { resolve } = news;
  news = Promise.withResolvers();
  resolve();
}

/** The count so far. */
export function receivedSoFar(): number {
  return received;
}

const patienceMs = 20_000;

/** Resolves when the count reaches `total`. @throws Error with the missing number, if nothing arrives for 20 s. */
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
  if (received < total) throw new Error(`${total - received} of ${total} events are missing`);
}

/** The latencies since the last call, in ms, in rising order. */
export function takeLatencies(): Float64Array {
  const sorted = Float64Array.from(latencies).sort();
  latencies = [];
  return sorted;
}

/** Notes how long the answer to a publish request took, in ms. */
export function countAnswer(ms: number): void {
  answers.push(ms);
}

/** The times of answers since the last call, in ms, in rising order. */
export function takeAnswers(): Float64Array {
  const sorted = Float64Array.from(answers).sort();
  answers = [];
  return sorted;
}
