'use client';

import { memo, type ReactNode, useState } from 'react';
import type { MonthCost, ProcessStatus } from '../../lib/core/process-status.ts';
import { formatCount, formatDuration } from '../_feed/format.ts';
import { Age } from '../_feed/time.tsx';
import { formatDollars, formatMemory, formatMs, formatRounded } from './numbers.ts';
import { findProblems, type StatusProblem } from './problems.ts';
import styles from './status.module.css';

/** The status of processes as a person reads it: what is wrong, then the numbers. */
export const StatusView = memo(function StatusView({
  processes,
}: {
  readonly processes: readonly ProcessStatus[];
}) {
  const [wanted, setWanted] = useState<string | null>(null);
  const chosen = processes.find(({ name }) => name === wanted) ?? processes[0];
  if (chosen === undefined) return null;
  return (
    <>
      <Verdict processes={processes} />
      <Figures status={chosen} />
      <div className={styles.columns}>
        <div>
          <Processes chosen={chosen.name} onChoose={setWanted} processes={processes} />
          <Channels status={chosen} />
        </div>
        <div>
          <Month months={processes.map(({ month }) => month)} />
          <Refusals status={chosen} />
          <Settings status={chosen} />
        </div>
      </div>
    </>
  );
});

/** What is wrong, or that nothing is. A screen reader announces a change of the heading. */
function Verdict({ processes }: { readonly processes: readonly ProcessStatus[] }) {
  const found = processes.flatMap((status) =>
    findProblems(status).map((problem) => ({ ...problem, process: status.name })),
  );
  const worst = found.find(({ tone }) => tone === 'stopped') ?? found[0];
  const tone: StatusProblem['tone'] | 'live' = worst?.tone ?? 'live';
  const title =
    found.length === 0 ? 'All is well' : found.length === 1 ? 'One thing needs you' : 'Some things need you';
  return (
    <section className={styles.verdict} data-tone={tone}>
      <h2 aria-live="polite" className={styles.verdictTitle}>
        {title}
      </h2>
      {found.length === 0 ? (
        <p className={styles.advice}>
          The log answers, readers get events in time, and nothing is nearly full.
        </p>
      ) : (
        <ul className={styles.problems}>
          {found.map(({ process, title: what, advice, tone: itsTone }) => (
            <li data-tone={itsTone} key={`${process} ${what.replaceAll(/[\d,]+/g, '')}`}>
              <strong className={styles.problem}>
                {what}
                {processes.length > 1 && ` (${process})`}.
              </strong>{' '}
              <span className={styles.advice}>{advice}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

type ProcessesProps = {
  readonly processes: readonly ProcessStatus[];
  readonly chosen: string;
  readonly onChoose: (name: string) => void;
};

/** The processes that answer. Choosing one shows its numbers. */
function Processes({ processes, chosen, onChoose }: ProcessesProps) {
  const sum = (read: (status: ProcessStatus) => number) =>
    processes.reduce((total, status) => total + read(status), 0);
  return (
    <Table
      caption={processes.length === 1 ? 'Process' : `${formatCount(processes.length)} processes`}
      className={styles.withAge ?? ''}
      columns={['Name', 'Streams', 'Memory', 'Measured']}
      note="A process is listed when it answers this page. Behind a balancer that keeps you on one process, you see that one."
    >
      {processes.map((status) => (
        <tr key={status.name}>
          <th scope="row">
            {processes.length === 1 ? (
              status.name
            ) : (
              <button
                aria-pressed={status.name === chosen}
                className={styles.choose}
                onClick={() => onChoose(status.name)}
                type="button"
              >
                {status.name}
              </button>
            )}
          </th>
          <td>{formatCount(status.streams)}</td>
          <td>{formatMemory(status.memoryBytes)}</td>
          <td>
            <Age time={status.time} />
          </td>
        </tr>
      ))}
      {processes.length > 1 && (
        <tr className={styles.sum}>
          <th scope="row">Together</th>
          <td>{formatCount(sum(({ streams }) => streams))}</td>
          <td>{formatMemory(sum(({ memoryBytes }) => memoryBytes))}</td>
          <td />
        </tr>
      )}
    </Table>
  );
}

/** The numbers of one process. */
function Figures({ status }: { readonly status: ProcessStatus }) {
  const { log, lag, streams, waitingPolls, slots, memoryLimitBytes } = status;
  const figures: readonly (readonly [name: string, value: string, note: string])[] = [
    [
      'Streams',
      formatCount(streams),
      `of ${formatCount(slots)} slots; ${countOf(waitingPolls, 'poll waits', 'polls wait')}`,
    ],
    ['Channels', formatCount(status.channelCount), 'that this process follows'],
    ['Events to readers', formatRounded(status.deliveriesPerMinute), 'a minute'],
    [
      'From the log to readers',
      lag === null ? '–' : formatMs(lag.p50),
      lag === null ? 'no event lately' : `99 of 100 within ${formatMs(lag.p99)}`,
    ],
    [
      'The log answers in',
      log.latency === null || !log.isReachable ? '–' : formatMs(log.latency.p50),
      log.latency === null || !log.isReachable
        ? 'it does not answer'
        : `99 of 100 within ${formatMs(log.latency.p99)}`,
    ],
    ['Commands to the log', formatRounded(status.commandsPerHour), 'an hour'],
    [
      'Memory',
      formatMemory(status.memoryBytes),
      memoryLimitBytes === null ? 'no limit is known' : `of ${formatMemory(memoryLimitBytes)}`,
    ],
    ['Runs for', formatDuration((status.time - status.startedAt) / 1_000), `version ${status.version}`],
  ];
  return (
    <section aria-label={`Numbers of ${status.name}`}>
      <dl className={styles.figures}>
        {figures.map(([name, value, note]) => (
          <div className={styles.figure} key={name}>
            <dt className={styles.figureName}>{name}</dt>
            <dd className={styles.figureValue}>{value}</dd>
            <dd className={styles.figureNote}>{note}</dd>
          </div>
        ))}
      </dl>
      <p className={styles.note}>
        Log: {log.kind}. Since the start: {countOf(status.gaps, 'gap', 'gaps')} reported to readers,{' '}
        {countOf(status.resubscriptions, 'subscription', 'subscriptions')} renewed.
      </p>
    </section>
  );
}

function countOf(count: number, one: string, many: string): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

function Channels({ status }: { readonly status: ProcessStatus }) {
  const { channels, channelCount } = status;
  const hidden = channelCount - channels.length;
  return (
    <Table
      caption="Channels"
      columns={['Channel and last id', 'Readers', 'Events a minute']}
      empty={channels.length === 0 ? 'Nobody reads in this process.' : null}
      note={hidden > 0 ? `and ${formatCount(hidden)} more, with fewer events` : ''}
    >
      {channels.map(({ name, lastId, readers, eventsPerMinute }) => (
        <tr key={name}>
          <th scope="row">
            {name} <span className={styles.id}>{lastId}</span>
          </th>
          <td>{formatCount(readers)}</td>
          <td>{formatRounded(eventsPerMinute)}</td>
        </tr>
      ))}
    </Table>
  );
}

function Refusals({ status }: { readonly status: ProcessStatus }) {
  return (
    <Table
      caption="Refused requests"
      columns={['Code', 'In 5 min', 'Since the start']}
      empty={status.refusals.length === 0 ? 'No request was refused.' : null}
      isLikelyToGrow
    >
      {status.refusals.map(({ code, lately, total }) => (
        <tr key={code}>
          <th scope="row">{code}</th>
          <td>{formatCount(lately)}</td>
          <td>{formatCount(total)}</td>
        </tr>
      ))}
    </Table>
  );
}

/** What all processes together cost in a month. */
function Month({ months }: { readonly months: readonly MonthCost[] }) {
  const [first] = months;
  const lines = Map.groupBy(
    months.flatMap((month) => month.lines),
    ({ what }) => what,
  );
  const total = months.reduce((sum, { dollars }) => sum + dollars, 0);
  return (
    <Table
      caption="A month at this rate"
      columns={['What', 'How much', 'Dollars']}
      empty={
        lines.size === 0 ? 'Nothing here is billed by use: the log is a file, or a Redis of your own.' : null
      }
      note={`List prices, without free allowances: ${first?.prices ?? ''}. Your own go into lib/config/prices.ts.`}
    >
      {[...lines].map(([what, same]) => (
        <tr key={what}>
          <th scope="row">{what}</th>
          <td>{same.length === 1 ? same[0]?.amount : `${same.length} processes`}</td>
          <td>{formatDollars(same.reduce((sum, { dollars }) => sum + dollars, 0))}</td>
        </tr>
      ))}
      <tr className={styles.sum}>
        <th scope="row">Together</th>
        <td />
        <td>{formatDollars(total)}</td>
      </tr>
    </Table>
  );
}

function Settings({ status }: { readonly status: ProcessStatus }) {
  return (
    <Table caption="Settings" className={styles.settings ?? ''} columns={['Name', 'Value']}>
      {status.settings.map(([name, value]) => (
        <tr key={name}>
          <th className={styles.settingName} scope="row">
            {name}
          </th>
          <td className={styles.setting}>{value}</td>
        </tr>
      ))}
    </Table>
  );
}

type TableProps = {
  readonly caption: string;
  readonly columns: readonly string[];
  readonly className?: string;
  readonly children: ReactNode;
  /** The text in place of a table without rows; null: it has some. */
  readonly empty?: string | null;
  readonly note?: string;
  /** Keeps room for a few rows, so that the first ones move nothing below. */
  readonly isLikelyToGrow?: boolean;
};

function Table({
  caption,
  columns,
  className = '',
  children,
  empty = null,
  note = '',
  isLikelyToGrow = false,
}: TableProps) {
  return (
    <section className={isLikelyToGrow ? `${styles.section} ${styles.roomy}` : styles.section}>
      <h3 className={styles.caption}>{caption}</h3>
      {empty !== null ? (
        <p className={styles.note}>{empty}</p>
      ) : (
        <table aria-label={caption} className={`${styles.table} ${className}`}>
          <thead>
            <tr>
              {columns.map((column) => (
                <th key={column} scope="col">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>{children}</tbody>
        </table>
      )}
      {empty === null && note !== '' && <p className={styles.note}>{note}</p>}
    </section>
  );
}
