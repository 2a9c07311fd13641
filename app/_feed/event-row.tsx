'use client';

import { memo, useId } from 'react';
import type { FeedEvent } from '../../lib/core/feed-event.ts';
import { EventData } from './event-data.tsx';
import styles from './event-row.module.css';
import { seqOf } from './event-seq.ts';
import { EventTime } from './event-time.tsx';
import { countText } from './figures.ts';

export type EventRowProps = {
  readonly event: FeedEvent;
  /** The first of the list is where the Tab key enters it. */
  readonly isFirst: boolean;
  /** Whether it came while the page was open. */
  readonly isFresh: boolean;
};

/**
 * One event of the list. It has no `aria-posinset`: every new event would change it on all rows; the seq in the label
 * tells the place.
 */
export const EventRow = memo(function EventRow({ event, isFirst, isFresh }: EventRowProps) {
  const labelId = useId();
  const seq = seqOf(event.id);
  return (
    <article
      aria-labelledby={labelId}
      className={isFresh ? `${styles.row} ${styles.fresh}` : styles.row}
      tabIndex={isFirst ? 0 : -1}
    >
      <div className={styles.time}>
        <EventTime time={event.time} />
      </div>
      <h2 className={styles.label} id={labelId}>
        <span className={styles.type}>{event.type}</span>{' '}
        <span className={styles.seq} title={`id ${event.id}`}>
          #{seq === null ? event.id : countText(seq)}
        </span>
      </h2>
      <div className={styles.data}>
        <EventData data={event.data} type={event.type} />
      </div>
    </article>
  );
});
