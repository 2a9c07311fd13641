import type { FeedErrorCode } from '../../lib/core/feed-error.ts';
import type { ProcessStatus } from '../../lib/core/process-status.ts';
import { formatCount } from '../_feed/format.ts';
import { formatMemory, formatMs } from './numbers.ts';

/** Something that those who run the feed should know. */
export type StatusProblem = {
  /** `stopped`: readers or publishers suffer now. `moving`: they may soon. */
  readonly tone: 'stopped' | 'moving';
  readonly title: string;
  /** What it means, and what to do. */
  readonly advice: string;
};

/** From these numbers on, the page reports a problem. */
export const problemLimits = {
  /** Share of the slots, and of the memory, that is used. */
  share: 0.8,
  /** Time of half of the answers of the log, in ms. A Redis in the same region answers in a few ms. */
  latencyMs: 100,
  /** Lag of the slowest events, in ms. */
  lagMs: 1_000,
  /** Refused requests in five minutes that are the caller's own fault: a few are usual. */
  refusals: 20,
} as const;

/** What is wrong with one process, the worst first. */
export function findProblems(status: ProcessStatus): readonly StatusProblem[] {
  const found = [
    ...logProblems(status),
    ...slotProblems(status),
    ...refusalProblems(status),
    ...slowness(status),
    ...memoryProblems(status),
  ];
  return found.toSorted((a, b) => rank[a.tone] - rank[b.tone]);
}

const rank = { stopped: 0, moving: 1 } as const;

function logProblems({ log }: ProcessStatus): readonly StatusProblem[] {
  if (log.isReachable) return [];
  const advice = `${log.problem ?? ''} Readers keep what they have, and go on by themselves. Publishers get 503. Look the text up in docs/operations.md.`;
  return [{ tone: 'stopped', title: 'The log does not answer', advice }];
}

function slotProblems({ streams, waitingPolls, slots }: ProcessStatus): readonly StatusProblem[] {
  const held = streams + waitingPolls;
  if (held < problemLimits.share * slots) return [];
  const isFull = held >= slots;
  return [
    {
      tone: isFull ? 'stopped' : 'moving',
      title: isFull ? 'The process is full' : 'The process is nearly full',
      advice: `It holds ${formatCount(held)} of ${formatCount(slots)} streams and polls. Start another process, or raise STREAM_MAX_CONNECTIONS. ${isFull ? 'New readers poll meanwhile.' : ''}`,
    },
  ];
}

/** Refusals that are the server's fault, and what to do. */
const serverFaults: Partial<Record<FeedErrorCode, string>> = {
  'internal-error':
    'This is a fault of the server. Read its output: a line begins with "steadfeed: unexpected error".',
  'log-unavailable':
    'The log failed while it was asked. The detail of the answer says why: docs/operations.md.',
  'access-unavailable': 'A rule in lib/config/access.ts failed or hung. The output of the server says why.',
  misconfigured: 'A setting is wrong. The detail of the answer names it.',
  'too-many-streams': 'There was no free slot, or one address follows too many channels. Its readers poll.',
};

/** Refusals that a healthy feed has too. */
const usual: readonly FeedErrorCode[] = ['stopping'];

function refusalProblems({ refusals }: ProcessStatus): readonly StatusProblem[] {
  const lately = refusals.filter(({ lately: count, code }) => count > 0 && !usual.includes(code));
  const ofServer = lately.filter(({ code }) => serverFaults[code] !== undefined);
  const ofCallers = lately.filter(({ code }) => serverFaults[code] === undefined);
  const total = ofCallers.reduce((sum, { lately: count }) => sum + count, 0);
  const problems = ofServer.map(
    ({ code, lately: count }): StatusProblem => ({
      tone: code === 'too-many-streams' ? 'moving' : 'stopped',
      title: `${requests(count)} refused with ${code} in 5 min`,
      advice: serverFaults[code] ?? '',
    }),
  );
  if (total < problemLimits.refusals) return problems;
  const codes = ofCallers.map(({ code, lately: count }) => `${formatCount(count)} ${code}`).join(', ');
  const advice = `${codes}. A client does something wrong; the detail of its answer says what.`;
  return [...problems, { tone: 'moving', title: `${requests(total)} refused in 5 min`, advice }];
}

function requests(count: number): string {
  return count === 1 ? '1 request was' : `${formatCount(count)} requests were`;
}

function slowness({ log, lag }: ProcessStatus): readonly StatusProblem[] {
  const problems: StatusProblem[] = [];
  if (lag !== null && lag.p99 >= problemLimits.lagMs) {
    const advice = `The slowest of 100 took ${formatMs(lag.p99)} to a reader. The machine is overloaded, the process was frozen, or the log announces late.`;
    problems.push({ tone: 'moving', title: 'Events arrive late', advice });
  }
  if (log.isReachable && log.latency !== null && log.latency.p50 >= problemLimits.latencyMs) {
    const advice = `Half of its answers take ${formatMs(log.latency.p50)} or more. Run the app in the region of the log.`;
    problems.push({ tone: 'moving', title: 'The log is slow, or far away', advice });
  }
  return problems;
}

function memoryProblems({ memoryBytes, memoryLimitBytes }: ProcessStatus): readonly StatusProblem[] {
  if (memoryLimitBytes === null || memoryBytes < problemLimits.share * memoryLimitBytes) return [];
  const advice = `It uses ${formatMemory(memoryBytes)} of ${formatMemory(memoryLimitBytes)}. Give it more memory, or start another process. A process without memory is killed.`;
  return [{ tone: 'moving', title: 'Memory is nearly used up', advice }];
}
