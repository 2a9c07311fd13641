import { spawn } from 'node:child_process';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { startRedisServer } from '../../../scripts/local-upstash/redis-server.ts';
import type { AppCopy } from '../../support/node/built-copy.ts';
import { copyChatApp } from '../../support/node/chat-app.ts';
import { seeded } from '../../support/seeded.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';
import { type AppProcess, startAppProcess } from '../chaos/servers/app-process.ts';
import { limitMs, startFaultyProxy } from './faulty-proxy.ts';

export type AnswersOptions = {
  readonly seed: number;
  /** Questions in each way. */
  readonly answers: number;
  /** How many questions of each way are asked at the same time. */
  readonly together: number;
  /** Mean time between two kills of a server, in ms. */
  readonly killEveryMs: number;
};

/** How the answers of one way arrived. */
export type Arrivals = {
  readonly exact: number;
  /** Not exact, and the chat shows an error. */
  readonly told: number;
  /** Not exact, and the chat shows no error. */
  readonly wrong: number;
  /** Half of the exact ones took at most so long, in s. */
  readonly medianSeconds: number;
  readonly worstSeconds: number;
};

/** The result of a run, as it is recorded. */
export type AnswersRun = AnswersOptions & {
  readonly limitMs: number;
  readonly kills: number;
  readonly cutsAtByte: number;
  readonly cutsAtLimit: number;
  readonly ways: { readonly feed: Arrivals; readonly peer: Arrivals };
};

type Outcome = {
  readonly way: 'feed' | 'peer';
  readonly outcome: 'exact' | 'told' | 'wrong';
  readonly ms: number;
  /** The error that the chat shows; null: none. */
  readonly error: string | null;
};

const overlay = new URL('app/', import.meta.url).pathname;

/** The app with the chat of the recipe and the peer's, built. */
export async function buildAnswersApp(): Promise<AppCopy> {
  const files = globSync('**/*.ts', { cwd: overlay }).map(
    (file) => [file, readFileSync(join(overlay, file), 'utf8')] as const,
  );
  const copy = await copyChatApp(Object.fromEntries(files), ['resumable-stream@2.2.13']);
  await copy.build({});
  return copy;
}

/** Asks all questions in both ways at the same time, while servers are killed and connections are cut. */
export async function runAnswers(
  copy: AppCopy,
  options: AnswersOptions,
  log: (line: string) => void,
): Promise<AnswersRun> {
  const random = seeded(options.seed);
  const redis = await startRedisServer();
  const env = {
    REDIS_URL: redis.url,
    PEER_REDIS_URL: redis.url,
    STREAM_MAX_SECONDS: String(limitMs / 1_000),
  };
  using folder = makeTemporaryFolder();
  const clock = join(folder.path, 'clock');
  writeFileSync(clock, '0');
  const start = () => startAppProcess(copy.folder, env, clock);
  const apps: (AppProcess | null)[] = await Promise.all([start(), start()]);
  const portsNow = () => apps.flatMap((app) => (app === null ? [] : [app.port]));
  await using proxy = await startFaultyProxy(portsNow, random);
  const over = new AbortController();
  let kills = 0;

  /** Kills one of the servers, again and again, and starts another in its place. One always runs. */
  const kill = async () => {
    for (let turn = 0; !over.signal.aborted; turn = 1 - turn) {
      await sleep(options.killEveryMs * (0.5 + random.next()), null, { signal: over.signal }).catch(
        () => null,
      );
      const app = apps[turn];
      if (over.signal.aborted || app == null) return;
      apps[turn] = null;
      app.signal('SIGKILL');
      kills += 1;
      await app.ended;
      apps[turn] = await start();
    }
  };
  const killing = kill();
  try {
    const outcomes = await readAll(copy, proxy.url, options, log);
    over.abort();
    await killing;
    return {
      ...options,
      limitMs,
      kills,
      cutsAtByte: proxy.cuts.atByte,
      cutsAtLimit: proxy.cuts.atLimit,
      ways: { feed: arrivalsOf(outcomes, 'feed'), peer: arrivalsOf(outcomes, 'peer') },
    };
  } finally {
    over.abort();
    await killing.catch(() => undefined);
    for (const app of apps) app?.signal('SIGKILL');
    await Promise.all(apps.map((app) => app?.ended));
    await redis.kill();
  }
}

/** Starts the readers in a process of their own, in the app's folder, where the SDK is. */
async function readAll(
  copy: AppCopy,
  url: string,
  { answers, together }: AnswersOptions,
  log: (line: string) => void,
): Promise<readonly Outcome[]> {
  const child = spawn(process.execPath, ['read-answers.ts', url, String(answers), String(together)], {
    cwd: copy.folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (text) => (errors += text));
  const outcomes: Outcome[] = [];
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const outcome = JSON.parse(line) as Outcome;
      outcomes.push(outcome);
      if (outcome.way === 'feed' && outcome.outcome !== 'exact') log(`not exact: ${line}`);
      if (outcomes.length % 20 === 0) log(`${outcomes.length} of ${2 * answers} answers`);
    }
  } finally {
    child.kill('SIGKILL');
  }
  if (outcomes.length !== 2 * answers)
    throw new Error(`only ${outcomes.length} of ${2 * answers} questions came to an end: ${errors}`);
  return outcomes;
}

function arrivalsOf(outcomes: readonly Outcome[], way: Outcome['way']): Arrivals {
  const own = outcomes.filter((each) => each.way === way);
  const count = (outcome: Outcome['outcome']) => own.filter((each) => each.outcome === outcome).length;
  const times = own
    .filter(({ outcome }) => outcome === 'exact')
    .map(({ ms }) => ms / 1_000)
    .toSorted((a, b) => a - b);
  return {
    exact: count('exact'),
    told: count('told'),
    wrong: count('wrong'),
    medianSeconds: Math.round(times[Math.floor(times.length / 2)] ?? 0),
    worstSeconds: Math.round(times.at(-1) ?? 0),
  };
}
