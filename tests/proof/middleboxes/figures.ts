import { median } from '../bench/figures.ts';
import { quantile } from '../chaos/figures.ts';
import type { Published } from './publishing.ts';
import type { ReaderRecord, ReaderStatus } from './readers/record.ts';

/** The moments of a round, in ms since 1970. */
export type Phases = {
  /** The time that a reader without a cursor has to reach the server: "now" is then. Only later events can be lost, in ms. */
  readonly reachMs: number;
  /** The readers know their boxes: the steady state begins. */
  readonly steadyAt: number;
  /** All boxes behave. */
  readonly behaveAt: number;
  readonly endAt: number;
};

/** The figures of one reader behind one box. Times are in ms; null: it did not happen. */
export type ReaderFigures = Pick<ReaderRecord, 'box' | 'kind' | 'feed'> & {
  /** From publishing to arrival of the first event after the reader's start. */
  readonly firstMs: number | null;
  /** From publishing to arrival in the steady state, of the events that arrived. */
  readonly p50Ms: number | null;
  /** Null: an event of the steady state is missing at the end. */
  readonly worstMs: number | null;
  readonly requestsPerMinute: number;
  /** The share of the steady state in which the status was neither live nor polling. */
  readonly downShare: number;
  /** From the moment when the box behaves to the one after which no event is late. */
  readonly promptAgainMs: number | null;
  /** The same, and a stream is live. */
  readonly liveAgainMs: number | null;
  /** Events that were published after the reader's start; behind a box that lets nothing through, after it behaves. */
  readonly expected: number;
  /** Those that did not arrive, although a later one did. */
  readonly lost: number;
  /** Those that had not arrived at the end, nor any later one. */
  readonly missing: number;
  /** Arrivals of an event that had arrived before. */
  readonly doubled: number;
};

/** The longest way back from a box to prompt events: the longest wait of the client and a little more, in ms. */
export const backWithinMs = 40_000;

/**
 * Computes the figures of a reader from the names of what was published and what arrived.
 * @param isReachable false: no request gets through before the box behaves. "Now" is then.
 */
export function figuresOf(
  record: ReaderRecord,
  all: readonly Published[],
  phases: Phases,
  isReachable = true,
): ReaderFigures {
  const { box, kind, feed, startedAt, events, statuses, requestsAt } = record;
  const arrivals = new Map<string, number>();
  let doubled = 0;
  for (const [name, at] of events) {
    if (arrivals.has(name)) doubled += 1;
    else arrivals.set(name, at);
  }
  const from = isReachable ? startedAt + phases.reachMs : phases.behaveAt + backWithinMs;
  const expected = all.filter((each) => each.feed === feed && each.at >= from);
  const latency = ({ name, at }: Published) => {
    const arrivedAt = arrivals.get(name);
    return arrivedAt === undefined ? [] : [Math.max(0, arrivedAt - at)];
  };
  // The number of events up to the last one that arrived.
  const shown = expected.findLastIndex(({ name }) => arrivals.has(name)) + 1;
  const steady = expected.filter(({ at }) => at >= phases.steadyAt && at < phases.behaveAt);
  const latencies = steady.flatMap(latency).toSorted((a, b) => a - b);
  const [firstArrival] = arrivals.values();
  const [first] = all.filter((each) => each.feed === feed && each.at >= startedAt);
  const promptAt = Math.max(phases.behaveAt, lastLateAt(expected, arrivals, phases));
  const minutes = (phases.behaveAt - phases.steadyAt) / 60_000;
  const requests = requestsAt.filter((at) => at >= phases.steadyAt && at < phases.behaveAt).length;
  return {
    ...{ box, kind, feed },
    firstMs: firstArrival === undefined || first === undefined ? null : Math.max(0, firstArrival - first.at),
    p50Ms: quantile(latencies, 0.5),
    worstMs: latencies.length < steady.length ? null : (latencies.at(-1) ?? null),
    requestsPerMinute: requests / minutes,
    downShare: shareOf(statuses, 'down', phases),
    promptAgainMs: promptAt > phases.endAt ? null : promptAt - phases.behaveAt,
    liveAgainMs: liveAgain(statuses, promptAt, phases),
    expected: expected.length,
    lost: expected.slice(0, shown).filter(({ name }) => !arrivals.has(name)).length,
    missing: expected.length - shown,
    doubled,
  };
}

type Statuses = ReaderRecord['statuses'];

function shareOf(statuses: Statuses, wanted: ReaderStatus, { steadyAt, behaveAt }: Phases): number {
  const total = statuses.reduce((sum, [status, at], index) => {
    const until = Math.min(statuses[index + 1]?.[1] ?? behaveAt, behaveAt);
    return status === wanted ? sum + Math.max(0, until - Math.max(at, steadyAt)) : sum;
  }, 0);
  return total / (behaveAt - steadyAt);
}

/** An event that takes longer from publishing to arrival is late: the stream is not prompt. In ms. */
const promptMs = 2_000;

/** When the last late event arrived; infinity where one of the good time is missing; 0 where none was late. */
function lastLateAt(
  expected: readonly Published[],
  arrivals: ReadonlyMap<string, number>,
  { behaveAt }: Phases,
): number {
  const times = expected.flatMap(({ name, at }) => {
    const arrivedAt = arrivals.get(name) ?? (at < behaveAt ? at : Infinity);
    return arrivedAt - at > promptMs ? arrivedAt : [];
  });
  return Math.max(0, ...times);
}

/** From `behaveAt` to the first moment, not before `promptAt`, at which the reader is live; null: there is none. */
function liveAgain(statuses: Statuses, promptAt: number, { behaveAt, endAt }: Phases): number | null {
  const live = statuses.find(
    ([status], index) => status === 'live' && (statuses[index + 1]?.[1] ?? Infinity) > promptAt,
  );
  if (live === undefined || promptAt > endAt) return null;
  return Math.max(live[1], promptAt) - behaveAt;
}

/** The figures of a reader over all rounds: medians of p50, requests and share; the worst of all else; sums of counts. */
export function overRounds(rounds: readonly ReaderFigures[]): ReaderFigures {
  const [first] = rounds;
  if (first === undefined) throw new Error('no round');
  const each = <K extends keyof ReaderFigures>(name: K) => rounds.map((round) => round[name]);
  const worst = (values: readonly (number | null)[]) =>
    values.some((value) => value === null) ? null : Math.max(...values.map(Number));
  const middle = (values: readonly (number | null)[]) =>
    quantile(
      values.filter((value) => value !== null).toSorted((a, b) => a - b),
      0.5,
    );
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return {
    ...first,
    firstMs: worst(each('firstMs')),
    p50Ms: middle(each('p50Ms')),
    worstMs: worst(each('worstMs')),
    requestsPerMinute: median(each('requestsPerMinute')),
    downShare: median(each('downShare')),
    promptAgainMs: worst(each('promptAgainMs')),
    liveAgainMs: worst(each('liveAgainMs')),
    expected: sum(each('expected')),
    lost: sum(each('lost')),
    missing: sum(each('missing')),
    doubled: sum(each('doubled')),
  };
}
