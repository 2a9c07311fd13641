'use client';

import { Component, type ComponentType, type KeyboardEvent, memo, type ReactNode, useId } from 'react';
import type { Gap } from '../../lib/core/continuity.ts';
import type { FeedEvent } from '../../lib/core/event.ts';
import { EventData } from './event-data.tsx';
import { eventRenderers } from './event-renderers.tsx';
import styles from './event-row.module.css';
import { describeGap, formatCount, parseSeq } from './format.ts';
import { typeColor } from './ribbon/record.ts';
import { EventTime } from './time.tsx';

/** What the list tells each of its rows. */
type RowProps = {
  /** Index among all entries; the newest is 0. */
  readonly index: number;
  /** Whether the Tab key enters the list at this row. */
  readonly isTabStop: boolean;
};

type EventRowProps = RowProps & {
  readonly event: FeedEvent;
  /** Whether it has just arrived. */
  readonly isRecent: boolean;
  /** Whether the event above it is of the same second, and shows the time for both. */
  readonly isSameTime: boolean;
  readonly onOpen: (event: FeedEvent) => void;
};

/**
 * One event of the list. It has no `aria-posinset`, because each new event would change it on all rows; the seq in the
 * label gives the position. The content is rendered once, only the position changes with each new event.
 */
export function EventRow({ event, index, isTabStop, isRecent, isSameTime, onOpen }: EventRowProps) {
  const labelId = useId();
  const openByKey = (press: KeyboardEvent<HTMLElement>) => {
    if (press.key !== 'Enter' || press.target !== press.currentTarget) return;
    // Otherwise the same key press would also activate the dialog's first button, which closes it.
    press.preventDefault();
    onOpen(event);
  };
  const classes = [styles.row, isSameTime ? styles.sameTime : '', isRecent ? styles.recent : ''];
  return (
    <article
      aria-labelledby={labelId}
      className={classes.filter(Boolean).join(' ')}
      data-index={index}
      onKeyDown={openByKey}
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
        <span className={styles.type} data-type-color={typeColor(event.type)}>
          {event.type}
        </span>{' '}
        <button
          aria-haspopup="dialog"
          className={styles.seq}
          onClick={() => onOpen(event)}
          tabIndex={-1}
          title={`id ${event.id}`}
          type="button"
        >
          {/* One text: where the document arrives in pieces, a part of it would be shown first, and then move. */}
          {`#${seq === null ? event.id : formatCount(seq)}`}
        </button>
      </h2>
      <div className={styles.data}>
        <RenderedData event={event} />
      </div>
    </>
  );
});

type RenderedDataProps = { readonly event: FeedEvent };

/**
 * An event's data, rendered by the component for its type, or by `EventData` if there is none. A component that throws does
 * not take the page down: `EventData` shows the event in its place, and the console says so once for each type.
 */
export function RenderedData({ event }: RenderedDataProps) {
  const Renderer = renderers.get(event.type);
  if (Renderer === undefined) return <EventData event={event} />;
  return (
    <RendererBoundary event={event}>
      <Renderer event={event} />
    </RendererBoundary>
  );
}

// The map pairs each type with a component for that type's events; the compiler cannot follow it through a lookup.
const renderers: ReadonlyMap<string, ComponentType<RenderedDataProps>> = new Map(
  Object.entries(eventRenderers).map(([type, renderer]) => [
    type,
    catchFailure(renderer as ComponentType<RenderedDataProps>),
  ]),
);

/**
 * `Renderer`, with `EventData` in its place where it throws. A boundary is not enough: it catches nothing on the server, and
 * what fails while the page hydrates makes React render the whole document again.
 */
function catchFailure(Renderer: ComponentType<RenderedDataProps>): ComponentType<RenderedDataProps> {
  // A class, or the object that `memo` makes: nothing but React can call it.
  if (typeof Renderer !== 'function' || Renderer.prototype?.isReactComponent) return Renderer;
  const render = Renderer as (props: RenderedDataProps) => ReactNode;
  return function SafeRenderer({ event }) {
    try {
      return render({ event });
    } catch (error) {
      reportFailure(event.type, error);
      return <EventData event={event} />;
    }
  };
}

/** Catches what the components throw that a renderer is made of. */
class RendererBoundary extends Component<RenderedDataProps & { readonly children: ReactNode }> {
  override state = { hasFailed: false };

  static getDerivedStateFromError() {
    return { hasFailed: true };
  }

  override componentDidCatch(error: unknown) {
    reportFailure(this.props.event.type, error);
  }

  override render() {
    return this.state.hasFailed ? <EventData event={this.props.event} /> : this.props.children;
  }
}

const reportedTypes = new Set<string>();

function reportFailure(type: string, error: unknown): void {
  if (reportedTypes.has(type)) return;
  reportedTypes.add(type);
  console.error(
    `steadfeed: The component for the event type "${type}" failed; see app/_feed/event-renderers.tsx. The page shows the event's data instead.`,
    error,
  );
}

type GapRowProps = RowProps & {
  readonly gap: Gap;
  /** Events the log keeps per channel; null if that is not known. */
  readonly retention: number | null;
};

/** A gap in the list: how many events are missing here. */
export function GapRow({ gap, retention, index, isTabStop }: GapRowProps) {
  const labelId = useId();
  return (
    <article
      aria-labelledby={labelId}
      className={styles.gap}
      data-index={index}
      tabIndex={isTabStop ? 0 : -1}
    >
      <p className={styles.gapText} id={labelId}>
        {describeGap(gap, retention)}
      </p>
    </article>
  );
}
