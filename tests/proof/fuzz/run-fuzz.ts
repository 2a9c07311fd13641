import type { BenchServer } from '../bench/bench-server.ts';
import { type Connections, exchange, makeConnections, type TimedAnswer } from './exchange.ts';
import { surprisesIn } from './fuzz-server.ts';
import { makePlan } from './inputs.ts';
import { isOfParser, judge } from './judge.ts';
import type { Model } from './model.ts';
import type { Ask, Plan } from './plan.ts';
import { askFor } from './request.ts';

/** Which requests are sent. */
export type Run = { readonly seed: number; readonly from: number; readonly requests: number };

/** A request whose answer was not as it must be. */
export type Failure = { readonly plan: Plan; readonly faults: readonly string[] };

/** Requests under way at the same time. */
const concurrency = 16;

/** After so many a run ends: more say nothing new. */
const mostFailures = 20;

/** Sends the requests of a run. @param tell is told of each failure at once. */
export async function runFuzz(
  run: Run,
  server: BenchServer,
  model: Model,
  tell: (failure: Failure) => void,
): Promise<Tally> {
  using connections = makeConnections(server.port);
  const tally = makeTally();
  let next = run.from;
  const newSurprises = watchPrinted(server);

  async function work(): Promise<void> {
    while (next < run.from + run.requests && tally.failures() < mostFailures) {
      const plan = makePlan(run.seed, next++);
      const faults = [...(await send(plan, server, connections, model, tally))];
      faults.push(...newSurprises().map((line) => `about then the server printed: ${line}`));
      if (faults.length === 0) continue;
      tally.addFailure();
      tell({ plan, faults });
    }
  }

  await Promise.all(Array.from({ length: concurrency }, work));
  return tally;
}

/** Gives the lines nobody expects that were printed since it was last asked. */
function watchPrinted(server: BenchServer): () => readonly string[] {
  let length = 0;
  let told = 0;
  return () => {
    const printed = server.printed();
    const isStill = printed.length === length;
    // What is being printed comes in pieces: half of a known word is not one.
    if (!isStill || told === length) {
      length = printed.length;
      return [];
    }
    const before = surprisesIn(printed.slice(0, told)).length;
    told = length;
    return surprisesIn(printed).slice(before);
  };
}

const beyond = askFor({ route: 'framework', isHeld: true });

async function send(
  plan: Plan,
  server: BenchServer,
  connections: Connections,
  model: Model,
  tally: Tally,
): Promise<readonly string[]> {
  const newest = new Map(
    plan.asks.map(({ newestOf }) => [newestOf, newestOf === null ? 0 : model.newest(newestOf)]),
  );
  const { answers, fault } = await exchange(plan, connections, server.waitedMs);
  const faults = fault === null ? [] : [fault];
  for (const [index, ask] of plan.asks.entries()) {
    const answer = answers[index];
    if (answer === undefined || (answer.status < 300 && !answer.isWhole)) model.lose(ask);
  }
  for (const [index, answer] of answers.entries()) {
    const ask: Ask = plan.asks[index] ?? beyond;
    tally.count(plan, answer, isOfParser(answer));
    faults.push(...judge(ask, answer).map((text) => `answer ${index}, ${answer.status}: ${text}`));
    const isTaken =
      ask.method === 'POST' && answer.isWhole && (answer.status === 201 || answer.status === 200);
    if (isTaken) faults.push(...model.acknowledge(ask, answer));
    const [seq] = /(?<=-)\d+/.exec(/"cursor":"[^"]*/.exec(answer.body)?.[0] ?? '') ?? [];
    if (ask.newestOf !== null && Number(seq) < (newest.get(ask.newestOf) ?? 0)) {
      faults.push(`the page ends at ${seq}; ahead of it ${newest.get(ask.newestOf)} was acknowledged`);
    }
  }
  return faults;
}

/** What a run has seen. */
export type Tally = {
  count(plan: Plan, answer: TimedAnswer, isOfParser: boolean): void;
  addFailure(): void;
  failures(): number;
  /** Answers by status; those of Node's parser, ahead of our code, as `400 (parser)`. */
  statuses(): ReadonlyMap<string, number>;
  /** The answer that took longest. */
  slowest(): { readonly tookMs: number; readonly number: number };
};

export function makeTally(): Tally {
  const statuses = new Map<string, number>();
  let failures = 0;
  let slowest = { tookMs: 0, number: 0 };
  return {
    count({ number }, { status, tookMs }, isOfParser) {
      const name = isOfParser ? `${status} (parser)` : String(status);
      statuses.set(name, (statuses.get(name) ?? 0) + 1);
      if (tookMs > slowest.tookMs) slowest = { tookMs, number };
    },
    addFailure() {
      failures += 1;
    },
    failures: () => failures,
    statuses: () => new Map([...statuses].toSorted()),
    slowest: () => slowest,
  };
}

/** Most bytes that are printed of a request: those of 1 MiB are made again from their number. */
const mostBytes = 4_000;

/** A failure as it is printed: what is wrong, the exact bytes, and how to send them again. */
export function failureText({ plan, faults }: Failure, seed: number): string {
  const bytes = Buffer.concat(plan.parts);
  const more = bytes.length > mostBytes ? `\n  … ${bytes.length} bytes in all` : '';
  return [
    `seed ${seed}, request ${plan.number} (${plan.kind}, ${plan.ending.kind}):`,
    ...faults.map((fault) => `  ${fault.slice(0, 2_000)}`),
    `  ${escaped(bytes.subarray(0, mostBytes))}${more}`,
    `  again: npm run proof:fuzz -- --seed ${seed} --from ${plan.number} --requests 1`,
  ].join('\n');
}

/** Bytes as printable ASCII, each other one as `\xHH`, so that none is lost: a text for `printf '%b'`. */
export function escaped(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/[^\x20-\x7e]|\\/g, (character) =>
      character === '\r'
        ? '\\r'
        : character === '\n'
          ? '\\n'
          : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
    );
}
