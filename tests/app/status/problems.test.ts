import { describe, expect, test } from 'vitest';
import { findProblems, problemLimits } from '../../../app/status/problems.ts';
import type { FeedErrorCode } from '../../../lib/core/feed-error.ts';
import type { ProcessStatus } from '../../../lib/core/process-status.ts';

const healthy: ProcessStatus = {
  name: 'web-1-abcd',
  version: '0.1.0',
  time: 1_763_841_234_567,
  startedAt: 1_763_841_000_000,
  log: { kind: 'Embedded, one file', isReachable: true, problem: null, latency: { p50: 1, p99: 3 } },
  streams: 10,
  waitingPolls: 2,
  slots: 800,
  channels: [],
  channelCount: 0,
  commandsPerHour: 60,
  lag: { p50: 4, p99: 20 },
  deliveriesPerMinute: 12,
  refusals: [],
  gaps: 0,
  resubscriptions: 0,
  memoryBytes: 100,
  memoryLimitBytes: 1_000,
  settings: [],
  month: { lines: [], dollars: 0, prices: '' },
};

/** The problems of a healthy process with these differences, as tone and title. */
function problemsWith(difference: Partial<ProcessStatus>): readonly string[] {
  return findProblems({ ...healthy, ...difference }).map(({ tone, title }) => `${tone}: ${title}`);
}

const refused = (code: FeedErrorCode, lately: number) => ({ code, lately, total: 1_000 });

describe('the status page', () => {
  test('finds nothing wrong with a healthy process', () => {
    expect(problemsWith({})).toEqual([]);
    expect(
      problemsWith({ lag: null, memoryLimitBytes: null, log: { ...healthy.log, latency: null } }),
    ).toEqual([]);
  });

  test('says first that the log does not answer, in the words of the log', () => {
    const log = { ...healthy.log, isReachable: false, problem: 'Redis refused its token.' };
    const problems = findProblems({ ...healthy, log, streams: 790 });
    expect(problems.map(({ title }) => title)).toEqual([
      'The log does not answer',
      'The process is nearly full',
    ]);
    expect(problems[0]?.advice).toContain('Redis refused its token.');
  });

  test('warns from four fifths of the slots on, polls too, and says when they are all taken', () => {
    expect(problemsWith({ streams: 637 })).toEqual([]);
    expect(problemsWith({ streams: 638 })).toEqual(['moving: The process is nearly full']);
    expect(problemsWith({ streams: 798 })).toEqual(['stopped: The process is full']);
  });

  test('reports each refusal that is the server’s own fault', () => {
    expect(
      problemsWith({ refusals: [refused('internal-error', 1), refused('too-many-streams', 3)] }),
    ).toEqual([
      'stopped: 1 request was refused with internal-error in 5 min',
      'moving: 3 requests were refused with too-many-streams in 5 min',
    ]);
    expect(problemsWith({ refusals: [refused('internal-error', 0)] })).toEqual([]);
  });

  test('reports refusals that are the caller’s fault only where there are many, and never those of a stop', () => {
    const { refusals: limit } = problemLimits;
    const half = limit / 2;
    expect(problemsWith({ refusals: [refused('unauthorized', limit - 1)] })).toEqual([]);
    expect(problemsWith({ refusals: [refused('unauthorized', half), refused('bad-request', half)] })).toEqual(
      [`moving: ${limit} requests were refused in 5 min`],
    );
    expect(problemsWith({ refusals: [refused('stopping', 10 * limit)] })).toEqual([]);
  });

  test('reports late events, a slow log and little memory', () => {
    expect(problemsWith({ lag: { p50: 4, p99: 1_000 } })).toEqual(['moving: Events arrive late']);
    const log = { ...healthy.log, latency: { p50: 100, p99: 300 } };
    expect(problemsWith({ log })).toEqual(['moving: The log is slow, or far away']);
    expect(problemsWith({ memoryBytes: 800 })).toEqual(['moving: Memory is nearly used up']);
  });
});
