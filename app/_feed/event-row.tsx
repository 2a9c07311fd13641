'use client';

import { type KeyboardEvent, memo, useId } from 'react';
import type { Gap } from '../../lib/core/continuity.ts';
import type { FeedEvent } from '../../lib/core/event.ts';
import { EventData } from './event-data.tsx';
import { eventRenderers } from './event-renderers.tsx';
import styles from './event-row.module.css';
import { describeGap, formatCount, parseSeq } from './format.ts';
import { EventTime } from './time.tsx';

/** What the list tells each of its rows. */
type RowProps = {
  /** Index among all entries; the newest is 0. */
  readonly index: number;
  /** Whether the Tab key enters the list at this row. */
  readonly isTabStop: boolean;
  /** Reports the height of the row to the list. */
  readonly measure: (row: HTMLElement | null) => void;
};

type EventRowProps = RowProps & {
  readonly event: FeedEvent;
  /** Whether it has just arrived. */
  readonly isRecent: boolean;
  readonly onOpen: (event: FeedEvent) => void;
};

/**
 * One event of the list. It has no `aria-posinset`, because each new event would change it on all rows; the seq in the
 * label gives the position. The content is rendered once, only the position changes with each new event.
 */
export function EventRow({ event, index, isTabStop, isRecent, measure, onOpen }: EventRowProps) {
  const labelId = useId();
  const openByKey = (press: KeyboardEvent<HTMLElement>) => {
    if (press.key !== 'Enter' || press.target !== press.currentTarget) return;
    // Otherwise the same key press would also activate the dialog's first button, which closes it.
    press.preventDefault();
    onOpen(event);
  };
  const classes = [styles.row, index === 0 ? styles.newest : '', isRecent ? styles.recent : ''];
  return (
    <article
      aria-labelledby={labelId}
      className={classes.filter(Boolean).join(' ')}
      data-index={index}
      onKeyDown={openByKey}
      ref={measure}
      tabIndex={isTabStop ? 0 : -1}
    >
      <EventContent event={event} labelId={labelId} onOpen={onOpen} />
    </article>
  );
}

type EventContentProps = {
  readonly event: FeedEvent;
  /** Id for the element that names the event. */
  readonly labelId: string;
  readonly onOpen: (event: FeedEvent) => void;
};

/** The content of a row: time, type and number, data. The number opens the event in full. */
const EventContent = memo(function EventContent({ event, labelId, onOpen }: EventContentProps) {
  const seq = parseSeq(event.id);
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
          #{seq === null ? event.id : formatCount(seq)}
        </button>
      </h2>
      <div className={styles.data}>
        <RenderedData event={event} />
      </div>
    </>
  );
});

/** An event's data, rendered by the component for its type, or by `EventData` if there is none. */
export function RenderedData({ event }: { readonly event: FeedEvent }) {
  const renderers: Readonly<Record<string, unknown>> = eventRenderers;
  // The map pairs each type with a component for that type's events; the compiler cannot follow it through a lookup.
  const Renderer = Object.hasOwn(renderers, event.type)
    ? (renderers[event.type] as typeof EventData)
    : EventData;
  return <Renderer event={event} />;
}

type GapRowProps = RowProps & {
  readonly gap: Gap;
  /** Events the log keeps per channel; null if that is not known. */
  readonly retention: number | null;
};

/** A gap in the list: how many events are missing here. */
export function GapRow({ gap, retention, index, isTabStop, measure }: GapRowProps) {
  const labelId = useId();
  return (
    <article
      aria-labelledby={labelId}
      className={styles.gap}
      data-index={index}
      ref={measure}
      tabIndex={isTabStop ? 0 : -1}
    >
      <p className={styles.gapText} id={labelId}>
        {describeGap(gap, retention)}
      </p>
    </article>
  );
}
