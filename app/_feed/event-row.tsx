'use client';

import { type KeyboardEvent, useId } from 'react';
import type { FeedEvent } from '../../lib/core/event.ts';
import { EventContent } from './event-content.tsx';
import styles from './event-row.module.css';
import type { RowPlace } from './row-place.ts';

export type EventRowProps = RowPlace & {
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
