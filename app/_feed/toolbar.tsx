import type { RefObject } from 'react';
import type { FeedEntry } from '../../lib/client/transport/feed-items.ts';
import type { FeedEvent } from '../../lib/core/event.ts';
import styles from './toolbar.module.css';

type ToolbarProps = {
  readonly filter: EventFilter;
  /** Types to choose from. */
  readonly types: readonly string[];
  readonly onFilter: (filter: EventFilter) => void;
  /** The search field, for the key that goes there. */
  readonly search: RefObject<HTMLInputElement | null>;
  readonly isPaused: boolean;
  readonly onPause: () => void;
  readonly times: 'ago' | 'clock';
  readonly onTimes: () => void;
  readonly isConnectionOpen: boolean;
  readonly onConnection: () => void;
  readonly onHelp: () => void;
};

/** What a reader can do with the list. */
export function Toolbar(props: ToolbarProps) {
  const { filter, types, onFilter, isPaused, times, isConnectionOpen } = props;
  const known = filter.type === null || types.includes(filter.type) ? types : [...types, filter.type];
  return (
    <div aria-label="List" className={styles.toolbar} role="toolbar">
      <select
        aria-label="Type"
        className={styles.field}
        onChange={({ currentTarget: { value } }) =>
          onFilter({ ...filter, type: value === '' ? null : value })
        }
        value={filter.type ?? ''}
      >
        <option value="">All types</option>
        {known.map((type) => (
          <option key={type}>{type}</option>
        ))}
      </select>
      <input
        aria-label="Search"
        autoComplete="off"
        className={`${styles.field} ${styles.search}`}
        onChange={({ currentTarget: { value } }) => onFilter({ ...filter, text: value })}
        onKeyDown={({ key }) => key === 'Escape' && onFilter({ ...filter, text: '' })}
        placeholder="Search"
        ref={props.search}
        type="search"
        value={filter.text}
      />
      <span className={styles.buttons}>
        <button aria-pressed={isPaused} className={styles.button} onClick={props.onPause} type="button">
          {isPaused ? 'Resume' : 'Pause'}
        </button>
        <button
          aria-pressed={times === 'ago'}
          className={styles.button}
          onClick={props.onTimes}
          type="button"
        >
          Ages
        </button>
        <button
          aria-expanded={isConnectionOpen}
          className={styles.button}
          onClick={props.onConnection}
          type="button"
        >
          Connection
        </button>
        <button aria-label="Keys" className={styles.button} onClick={props.onHelp} type="button">
          ?
        </button>
      </span>
    </div>
  );
}

/** What of the list is shown. */
type EventFilter = {
  /** Only this type; null for all. */
  readonly type: string | null;
  /** Only events that hold this text, in whatever case; empty for all. */
  readonly text: string;
};

/** The filter that shows everything. */
export const noFilter: EventFilter = { type: null, text: '' };

/** Whether a filter hides anything. */
export function isFiltering({ type, text }: EventFilter): boolean {
  return type !== null || text.trim() !== '';
}

/**
 * Makes the test of a filter. It looks at each event once, however often it is asked. Gaps are always shown: what is
 * missing may have been what is looked for.
 */
export function entryTest({ type, text }: EventFilter): (entry: FeedEntry) => boolean {
  const wanted = text.trim().toLowerCase();
  const known = new WeakMap<FeedEvent, boolean>();
  const judge = (event: FeedEvent) =>
    (type === null || event.type === type) && (wanted === '' || textOf(event).includes(wanted));
  return (entry) => {
    if (entry.kind === 'gap') return true;
    const before = known.get(entry.event);
    if (before !== undefined) return before;
    const isShown = judge(entry.event);
    known.set(entry.event, isShown);
    return isShown;
  };
}

/** Everything of an event that a reader can see, in lower case. */
function textOf({ type, id, data }: FeedEvent): string {
  return `${type} #${id.split('-')[1]} ${id} ${typeof data === 'string' ? data : jsonOf(data)}`.toLowerCase();
}

/** Data nested deeper than the engine can write is found by type and id alone. */
function jsonOf(data: unknown): string {
  try {
    return JSON.stringify(data) ?? '';
  } catch (error) {
    if (error instanceof RangeError) return '';
    throw error;
  }
}

/** The types among entries, in alphabetical order. */
export function typesOf(entries: readonly FeedEntry[]): readonly string[] {
  const types = new Set<string>();
  for (const entry of entries) if (entry.kind === 'event') types.add(entry.event.type);
  return [...types].sort();
}
