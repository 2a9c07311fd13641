'use client';

import { useContext } from 'react';
import { useLatest } from '../../../lib/client/latest/use-latest.ts';
import { useFeed } from '../../../lib/client/use-feed.ts';
import type { FeedEvent } from '../../../lib/core/event.ts';
import { FaultPanel } from '../faults/fault-panel.tsx';
import { Age, TimeDisplayContext, useEverySecond } from '../time.tsx';
import { hostsChannel, jobSubject } from './demo-channels.ts';
import styles from './state-panel.module.css';

/** A host reports every 2 s. One that is silent for this many ms is late, and its row says since when. */
const lateMs = 5_000;

/** A table with one row for each host that reports, and the job of the demo. */
export function StatePanel() {
  const { latest, restarts, isLoading } = useLatest({ channel: hostsChannel, types: ['host', 'job'] });
  const hosts = [...latest]
    .filter(([, { type }]) => type === 'host')
    .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
  const job = latest.get(jobSubject);
  return (
    <FaultPanel note={noteOf(hosts.length, restarts)} title="Hosts now">
      <table aria-busy={isLoading} aria-label="Hosts that report" className={styles.table}>
        <thead>
          <tr>
            <th scope="col">Host</th>
            <th scope="col">Busy</th>
            <th scope="col">Memory</th>
            <th scope="col">Load</th>
          </tr>
        </thead>
        <tbody>
          {hosts.map(([subject, event]) => (
            <Host event={event} key={subject} subject={subject} />
          ))}
        </tbody>
      </table>
      {job !== undefined && <Job channel={textIn(job, 'channel')} key={textIn(job, 'channel')} />}
    </FaultPanel>
  );
}

/** A machine, or, below it, one of its processes. */
function Host({ subject, event }: { readonly subject: string; readonly event: FeedEvent }) {
  const { skewMs } = useContext(TimeDisplayContext);
  const isLate = useEverySecond(
    () => Date.now() - skewMs - event.time > lateMs,
    () => false,
  );
  const [machine, process] = subject.split(':', 2);
  const busyPercent = numberIn(event, 'busyPercent') ?? 0;
  return (
    <tr className={isLate ? styles.late : undefined}>
      <th className={process === undefined ? undefined : styles.process} scope="row" title={subject}>
        {process ?? machine}
        {isLate && (
          <span className={styles.age}>
            {' '}
            <Age time={event.time} />
          </span>
        )}
      </th>
      <td>
        <meter aria-label={`${subject} busy`} className={styles.meter} max={100} value={busyPercent} />
        <span className={styles.figure}>{busyPercent.toFixed(busyPercent < 10 ? 1 : 0)} %</span>
      </td>
      <td>{formatMemory(numberIn(event, 'memoryMegabytes') ?? 0)}</td>
      <td>{numberIn(event, 'load')?.toFixed(2)}</td>
    </tr>
  );
}

/** 182.4 → `182 MB`, 3140 → `3.1 GB`. */
function formatMemory(megabytes: number): string {
  return megabytes < 1_000 ? `${megabytes.toFixed(0)} MB` : `${(megabytes / 1_000).toFixed(1)} GB`;
}

/** A job with a channel of its own, which ends with it. */
function Job({ channel }: { readonly channel: string }) {
  const { newest, status } = useFeed({ channels: [channel], rewind: '1', limit: 1 });
  const done = newest === null ? 0 : (numberIn(newest, 'done') ?? 0);
  const total = newest === null ? 0 : (numberIn(newest, 'total') ?? 0);
  const isOver = status === 'ended';
  return (
    <div className={styles.job}>
      <p className={styles.text}>
        Job: hash the files of the app <span>{isOver ? 'ended' : 'running'}</span>
      </p>
      <progress
        aria-label="Files that are hashed"
        className={styles.progress}
        max={total || 1}
        value={done}
      />
      <p className={styles.text}>
        {total === 0 ? 'Waiting for its first event.' : `${done} of ${total} files.`}
        {isOver && ' Its channel has ended: the page holds no connection for it.'}
      </p>
    </div>
  );
}

function noteOf(count: number, restarts: number): string {
  if (restarts > 0) return 'the log was lost: it began anew';
  return count === 0 ? 'waiting for a report' : 'the latest report of each';
}

/** A number of an event's data; null where it is none: an app may declare other types than the demo. */
function numberIn({ data }: FeedEvent, name: string): number | null {
  const value = (data as Readonly<Record<string, unknown>> | null)?.[name];
  return Number.isFinite(value) ? Number(value) : null;
}

function textIn({ data }: FeedEvent, name: string): string {
  return String((data as Readonly<Record<string, unknown>> | null)?.[name] ?? '');
}
