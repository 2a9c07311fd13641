import { memo } from 'react';
import type { FeedEvent } from '../../lib/core/event.ts';
import styles from './event-content.module.css';
import { EventData } from './event-data.tsx';
import { seqOf } from './event-seq.ts';
import { EventTime } from './event-time.tsx';
import { countText } from './figures.ts';

export type EventContentProps = {
  readonly event: FeedEvent;
  /** Id for the element that names the event. */
  readonly labelId: string;
  readonly onOpen: (event: FeedEvent) => void;
};

/** What a row says: when, what and which, and the data. The number opens the event in full. */
export const EventContent = memo(function EventContent({ event, labelId, onOpen }: EventContentProps) {
  const seq = seqOf(event.id);
  return (
    <>
      <div className={styles.time}>
        <EventTime time={event.time} />
      </div>
      <h2 className={styles.label} id={labelId}>
        <span className={styles.type}>{event.type}</span>{' '}
        <button
          aria-haspopup="dialog"
          className={styles.seq}
          onClick={() => onOpen(event)}
          tabIndex={-1}
          title={`id ${event.id}`}
          type="button"
        >
          #{seq === null ? event.id : countText(seq)}
        </button>
      </h2>
      <div className={styles.data}>
        <EventData event={event} />
      </div>
    </>
  );
});
