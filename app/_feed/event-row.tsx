'use client';

import { type KeyboardEvent, memo, useId } from 'react';
import type { Gap } from '../../lib/core/continuity.ts';
import type { FeedEvent } from '../../lib/core/event.ts';
import { EventData } from './event-data.tsx';
import { eventRenderers } from './event-renderers.tsx';
import styles from './event-row.module.css';
import { countText, gapWords, seqOf } from './format.ts';
import { EventTime } from './time.tsx';

/** Where in the list a row is, and how it takes part in it. */
type RowPlace = {
  /** Place among all entries, the newest is 0. */
  readonly index: number;
  readonly isNewest: boolean;
  /** Whether the Tab key enters the list here. */
  readonly isEntrance: boolean;
  /** Tells the list how high the row is. */
  readonly measure: (row: HTMLElement | null) => void;
};

type EventRowProps = RowPlace & {
  readonly event: FeedEvent;
  /** Whether it has just come. */
  readonly isFresh: boolean;
  readonly onOpen: (event: FeedEvent) => void;
};

/**
 * One event of the list. It has no `aria-posinset`: every new event would change it on all rows; the seq in the label
 * tells the place. What it says is rendered once; only its place changes with every event that comes.
 */
export function EventRow({ event, index, isNewest, isEntrance, isFresh, measure, onOpen }: EventRowProps) {
  const labelId = useId();
  const openByKey = (press: KeyboardEvent<HTMLElement>) => {
    if (press.key !== 'Enter' || press.target !== press.currentTarget) return;
    // Else the same press would go on to the first button of the dialog, which closes it.
    press.preventDefault();
    onOpen(event);
  };
  const looks = [styles.row, isNewest ? styles.newest : '', isFresh ? styles.fresh : ''];
  return (
    <article
      aria-labelledby={labelId}
      className={looks.filter(Boolean).join(' ')}
      data-index={index}
      onKeyDown={openByKey}
      ref={measure}
      tabIndex={isEntrance ? 0 : -1}
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

/** What a row says: when, what and which, and the data. The number opens the event in full. */
const EventContent = memo(function EventContent({ event, labelId, onOpen }: EventContentProps) {
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
        <RenderedData event={event} />
      </div>
    </>
  );
});

/** An event's data, by the component of its type where there is one. */
export function RenderedData({ event }: { readonly event: FeedEvent }) {
  const renderers: Readonly<Record<string, unknown>> = eventRenderers;
  const Renderer = Object.hasOwn(renderers, event.type)
    ? (renderers[event.type] as typeof EventData)
    : EventData;
  return <Renderer event={event} />;
}

type GapRowProps = RowPlace & {
  readonly gap: Gap;
  /** Events the log keeps per channel; null where that is not known. */
  readonly retention: number | null;
};

/** The place in the list where events are missing, said aloud. */
export function GapRow({ gap, retention, index, isEntrance, measure }: GapRowProps) {
  const labelId = useId();
  return (
    <article
      aria-labelledby={labelId}
      className={styles.gap}
      data-index={index}
      ref={measure}
      tabIndex={isEntrance ? 0 : -1}
    >
      <p className={styles.gapWords} id={labelId}>
        {gapWords(gap, retention)}
      </p>
    </article>
  );
}
