'use client';

import { useLatest } from '../../../lib/client/latest/use-latest.ts';
import { useFeed } from '../../../lib/client/use-feed.ts';
import type { FeedEvent } from '../../../lib/core/event.ts';
import { FaultPanel } from '../faults/fault-panel.tsx';
import { jobSubject, stateChannel } from './demo-channels.ts';
import styles from './state-panel.module.css';

/** The latest values of the machine that runs the demo, and its job. */
export function StatePanel() {
  const { latest, restarts, isLoading } = useLatest({ channel: stateChannel });
  const cores = [...latest]
    .filter(([, { type }]) => type === 'core')
    .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
  const job = latest.get(jobSubject);
  return (
    <FaultPanel note={noteOf(cores.length, restarts)} title="This machine now">
      <table aria-busy={isLoading} aria-label="Cores of this machine" className={styles.table}>
        <thead className={styles.hidden}>
          <tr>
            <th scope="col">Core</th>
            <th scope="col">Busy</th>
          </tr>
        </thead>
        <tbody>
          {cores.map(([name, event]) => (
            <Core busyPercent={numberIn(event, 'busyPercent')} key={name} name={name} />
          ))}
        </tbody>
      </table>
      {job !== undefined && <Job channel={textIn(job, 'channel')} key={textIn(job, 'channel')} />}
    </FaultPanel>
  );
}

function Core({ name, busyPercent }: { readonly name: string; readonly busyPercent: number }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>
        <meter aria-label={`${name} busy`} max={100} value={busyPercent} />
        <span>{busyPercent.toFixed(0)} %</span>
      </td>
    </tr>
  );
}

/** A job with a channel of its own, which ends with it. */
function Job({ channel }: { readonly channel: string }) {
  const { newest, status } = useFeed({ channels: [channel], rewind: '1', limit: 1 });
  const done = newest === null ? 0 : numberIn(newest, 'done');
  const total = newest === null ? 0 : numberIn(newest, 'total');
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
  if (count === 0) return 'waiting for values';
  return restarts === 0 ? 'the latest value of each core' : 'the log was lost: it began anew';
}

/** A number of an event's data, which nobody has declared; 0 where it is none. */
function numberIn({ data }: FeedEvent, name: string): number {
  return Number((data as Readonly<Record<string, unknown>> | null)?.[name]) || 0;
}

function textIn({ data }: FeedEvent, name: string): string {
  return String((data as Readonly<Record<string, unknown>> | null)?.[name] ?? '');
}
