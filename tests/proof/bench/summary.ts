import { markdownTable } from '../../support/doc-table.ts';
import { type ContestantKey, contestantNames, isOurs } from './contestants.ts';
import { figureText, type Line } from './report.ts';

/** A row of the first table of docs/performance.md. */
type Row = {
  /** What is measured, in words for somebody who has never seen this project. */
  readonly what: string;
  readonly case: string;
  readonly figure: string;
  /** Which way is good. */
  readonly better: 'more' | 'less';
  /** Whether only servers on Redis compare: bare Node is measured without one. */
  readonly isOnRedis?: true;
};

/** The figures that answer most questions. */
export const summaryRows: readonly Row[] = [
  {
    what: 'Events to readers in one second of a CPU; 500 readers, one event at a time',
    ...{ case: 'fanout', figure: 'deliveries per CPU second', better: 'more' },
  },
  {
    what: 'The same, if another process publishes and Redis brings the event',
    ...{ case: 'fanout-tcp', figure: 'deliveries per CPU second', better: 'more' },
  },
  {
    what: 'Events in a burst to readers, in the same time',
    ...{ case: 'burst', figure: 'deliveries per CPU second', better: 'more' },
  },
  {
    what: 'Until half of all events have reached 100 readers',
    ...{ case: 'latency-100', figure: 'latency p50', better: 'less' },
  },
  {
    what: 'The same for 99 of 100 events',
    ...{ case: 'latency-100', figure: 'latency p99', better: 'less' },
  },
  {
    what: 'Memory for a reader that waits',
    ...{ case: 'memory', figure: 'memory per reader', better: 'less' },
  },
  {
    what: 'Readers that connect in a second',
    ...{ case: 'set-up', figure: 'streams opened', better: 'more' },
  },
  {
    what: 'Until a new process of the built function has sent the first event',
    ...{
      case: 'cold-start',
      figure: 'from the start of the process to the first event of a stream',
      better: 'less',
    },
  },
  {
    what: 'With a Redis 8 ms away: until half of all events have reached 50 readers',
    ...{ case: 'latency-redis', figure: 'latency p50', better: 'less' },
    isOnRedis: true,
  },
  {
    what: 'Redis commands in an hour without events, 500 readers',
    ...{ case: 'idle-redis', figure: 'Redis commands, 500 readers of 1 channel', better: 'less' },
    isOnRedis: true,
  },
  {
    what: 'Redis commands for a request with 100 events',
    ...{ case: 'publish-redis', figure: 'Redis commands, 100 events', better: 'less' },
    isOnRedis: true,
  },
];

/** The columns besides ours. */
const others = ['bareNode', 'betterSse', 'plainNext', 'trpc', 'upstashRealtime'] as const;

/** One row for each figure that was measured, with all who have it. The best of a row is bold. */
export function summaryTable(lines: readonly Line[]): string {
  const rows = summaryRows.flatMap(({ what, case: name, figure, better, isOnRedis }) => {
    const own = lines.filter((line) => line.case === name && line.figure === figure);
    const [ours] = own.filter(({ contestant }) => isOurs(contestant));
    if (ours === undefined) return [];
    const compared = own.filter(
      ({ contestant }) => isOnRedis === undefined || contestant === 'upstashRealtime',
    );
    const cells = [ours, ...others.map((key) => compared.find(({ contestant }) => contestant === key))];
    const values = cells.flatMap((line) => line?.median ?? []);
    const best = better === 'more' ? Math.max(...values) : Math.min(...values);
    const text = (line: Line | undefined) => {
      if (line === undefined) return '–';
      const value = `${figureText(line.median)} ${line.unit}`.trim();
      return line.median === best ? `**${value}**` : value;
    };
    return [[what, ...cells.map(text)]];
  });
  const name = (key: ContestantKey) => contestantNames[key];
  return markdownTable(['', 'Steadfeed', ...others.map(name)], rows);
}
