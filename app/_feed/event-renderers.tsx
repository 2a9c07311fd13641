import type { ComponentType } from 'react';
import type { EventOf, eventTypes } from '../../lib/config/event-types.ts';
import styles from './event-data.module.css';
import { EventData, PairList } from './event-data.tsx';
import { formatDuration } from './format.ts';

type EventRenderers = {
  readonly [T in keyof typeof eventTypes]?: ComponentType<{ readonly event: EventOf<T> }>;
};

/**
 * The component that shows the events of each type in the list. Edit this to fit your feed: declare the shape of the
 * type in `lib/config/event-types.ts`, then add its component here. A type without a component is shown by the shape of
 * its data: text, key and value pairs, or JSON. So is an event whose component throws.
 *
 * The log may still hold events that were stored with an earlier shape. A component checks the data before it uses it,
 * and passes what it does not know to `EventData`.
 */
export const eventRenderers: EventRenderers = {
  machine: MachineData,
  process: ProcessData,
  commit: CommitData,
};

/** A figure with spaces before it that are as wide as a digit, so that the figures of successive events line up. */
function figure(value: number, digits: number, length: number): string {
  return value.toFixed(digits).padStart(length, '\u2007');
}

/** The figures of a machine, in columns that line up from event to event. */
function MachineData({ event }: { readonly event: EventOf<'machine'> }) {
  const { data } = event;
  if (!hasAllFigures(data)) return <EventData event={event} />;
  return (
    <PairList
      isAligned
      pairs={[
        ['load', figure(data.load, 2, 5)],
        ['memory', `${figure(data.memoryUsedPercent, 1, 4)} %`],
        ['disk', `${figure(data.diskUsedPercent, 1, 4)} %`],
        ['loop', `${figure(data.eventLoopDelayMs, 1, 4)} ms`],
        ['up', formatDuration(data.uptimeSeconds)],
      ]}
    />
  );
}

function hasAllFigures(data: Partial<EventOf<'machine'>['data']> | null): boolean {
  const { load, memoryUsedPercent, diskUsedPercent, uptimeSeconds, eventLoopDelayMs } = data ?? {};
  return [load, memoryUsedPercent, diskUsedPercent, uptimeSeconds, eventLoopDelayMs].every(Number.isFinite);
}

/** A process: its name, and whether it has started or ended. */
function ProcessData({ event }: { readonly event: EventOf<'process'> }) {
  const { name, pid, state } = (event.data ?? {}) as Partial<EventOf<'process'>['data']>;
  if (typeof name !== 'string' || typeof state !== 'string') return <EventData event={event} />;
  return (
    <p className={styles.line}>
      <span className={`${styles.long} ${styles.name}`}>{name}</span>
      <span className={styles.badge} data-tone={state === 'started' ? 'live' : undefined}>
        {state}
      </span>
      <span className={styles.about}>pid {pid}</span>
    </p>
  );
}

/** A commit: its short id, its subject and its author. */
function CommitData({ event }: { readonly event: EventOf<'commit'> }) {
  const { data } = event;
  if (typeof data === 'string' || typeof data?.text !== 'string') return <EventData event={event} />;
  return (
    <p className={styles.line}>
      <code className={styles.badge}>{data.commit}</code>
      <span className={styles.long} dir="auto">
        {data.text}
      </span>
      <span className={styles.about}>{data.author}</span>
    </p>
  );
}
