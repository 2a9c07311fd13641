import type { BenchServer } from '../bench/bench-server.ts';
import { type Connections, exchange, makeConnections, type TimedAnswer } from './exchange.ts';
import { surprisesIn } from './fuzz-server.ts';
import { makePlan } from './inputs.ts';
import { isOfParser, judge } from './judge.ts';
import type { Model } from './model.ts';
import type { ExpectedAnswer, Plan } from './plan.ts';
import { expectAnswer } from './request.ts';

/** The requests of a run. */
export type Run = { readonly seed: number; readonly from: number; readonly requests: number };

/** A request with a wrong answer. */
export type Failure = { readonly plan: Plan; readonly faults: readonly string[] };

/** Number of requests at the same time. */
const concurrency = 16;

/** A run ends after this many failures, because more show nothing new. */
const mostFailures = 20;

/** Sends the requests of a run. @param tell called at once for each failure. */
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
      faults.push(...newSurprises().map((line) => `at about this time the server printed: ${line}`));
      if (faults.length === 0) continue;
      tally.addFailure();
      tell({ plan, faults });
    }
  }

  await Promise.all(Array.from({ length: concurrency }, work));
  return tally;
}

/** Returns a function that gives the unexpected lines printed since its last call. */
function watchPrinted(server: BenchServer): () => readonly string[] {
  let length = 0;
  let told = 0;
  return () => {
    const printed = server.printed();
    const isStill = printed.length === length;
    // Output arrives in pieces. Wait for the rest of a line before judging it.
    if (!isStill || told === length) {
      length = printed.length;
      return [];
    }
    const before = surprisesIn(printed.slice(0, told)).length;
    told = length;
    return surprisesIn(printed).slice(before);
  };
}

const beyond = expectAnswer({ route: 'framework', isHeld: true });

async function send(
  plan: Plan,
  server: BenchServer,
  connections: Connections,
  model: Model,
  tally: Tally,
): Promise<readonly string[]> {
  const newest = new Map(
    plan.expectedAnswers.map(({ newestOf }) => [newestOf, newestOf === null ? 0 : model.newest(newestOf)]),
  );
  const { answers, fault } = await exchange(plan, connections, server.waitedMs);
  const faults = fault === null ? [] : [fault];
  for (const [index, expected] of plan.expectedAnswers.entries()) {
    const answer = answers[index];
    if (answer === undefined || (answer.status < 300 && !answer.isWhole)) model.lose(expected);
  }
  for (const [index, answer] of answers.entries()) {
    const expected: ExpectedAnswer = plan.expectedAnswers[index] ?? beyond;
    tally.count(plan, answer, isOfParser(answer));
    faults.push(...judge(expected, answer).map((text) => `answer ${index}, ${answer.status}: ${text}`));
    const isTaken =
      expected.method === 'POST' && answer.isWhole && (answer.status === 201 || answer.status === 200);
    if (isTaken) faults.push(...model.acknowledge(expected, answer));
    const [seq] = /(?<=-)\d+/.exec(/"cursor":"[^"]*/.exec(answer.body)?.[0] ?? '') ?? [];
    if (expected.newestOf !== null && Number(seq) < (newest.get(expected.newestOf) ?? 0)) {
      faults.push(
        `the page ends at ${seq}, but ${newest.get(expected.newestOf)} was acknowledged before the request`,
      );
    }
  }
  return faults;
}

/** Counts the answers of a run. */
export type Tally = {
  count(plan: Plan, answer: TimedAnswer, isOfParser: boolean): void;
  addFailure(): void;
  failures(): number;
  /** Answers by status. An answer of Node's parser counts as `400 (parser)`. */
  statuses(): ReadonlyMap<string, number>;
  /** The slowest answer. */
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

/** How many bytes of a request are printed. The number of a request is enough to make all of them again. */
const mostBytes = 4_000;

/** A failure as text: what is wrong, the exact bytes, and the command that sends them again. */
export function failureText({ plan, faults }: Failure, seed: number): string {
  const bytes = Buffer.concat(plan.parts);
  const more = bytes.length > mostBytes ? `\n  … ${bytes.length} bytes in all` : '';
  return [
    `seed ${seed}, request ${plan.number} (${plan.kind}, ${plan.ending.kind}):`,
    ...faults.map((fault) => `  ${fault.slice(0, 2_000)}`),
    `  ${escaped(bytes.subarray(0, mostBytes))}${more}`,
    `  to send it again: npm run proof:fuzz -- --seed ${seed} --from ${plan.number} --requests 1`,
  ].join('\n');
}

/** Bytes as printable ASCII, with all others as `\xHH`. `printf '%b'` makes the bytes again. */
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
