import type { RefObject } from 'react';
import type { FeedEntry } from '../../lib/client/feed-options.ts';
import type { FeedEvent } from '../../lib/core/event.ts';
import styles from './toolbar.module.css';

type ToolbarProps = {
  readonly filter: EventFilter;
  /** The types to choose from. */
  readonly types: readonly string[];
  readonly onFilter: (filter: EventFilter) => void;
  /** Receives the search field, for the shortcut that focuses it. */
  readonly search: RefObject<HTMLInputElement | null>;
  readonly isPaused: boolean;
  readonly onPause: () => void;
  readonly times: 'ago' | 'clock';
  readonly onTimes: () => void;
  readonly isConnectionOpen: boolean;
  readonly onConnection: () => void;
  readonly onHelp: () => void;
};

/** The controls of the list: filter, search, pause, times, connection, help. */
export function Toolbar(props: ToolbarProps) {
  const { filter, types, onFilter, isPaused, times, isConnectionOpen } = props;
  const options = filter.type === null || types.includes(filter.type) ? types : [...types, filter.type];
  return (
    <div aria-label="List controls" className={styles.toolbar} role="toolbar">
      <select
        aria-label="Type"
        className={styles.field}
        onChange={({ currentTarget: { value } }) =>
          onFilter({ ...filter, type: value === '' ? null : value })
        }
        value={filter.type ?? ''}
      >
        <option value="">All types</option>
        {options.map((type) => (
          <option key={type}>{type}</option>
        ))}
      </select>
      <span className={styles.searchPlace}>
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
      </span>
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
        <button aria-label="Help" className={styles.button} onClick={props.onHelp} type="button">
          ?
        </button>
      </span>
    </div>
  );
}

/** Which events of the list are shown. */
type EventFilter = {
  /** Only this type; null for all types. */
  readonly type: string | null;
  /** Only events that contain this text, ignoring case; empty for all events. */
  readonly text: string;
};

/** The filter that shows everything. */
export const noFilter: EventFilter = { type: null, text: '' };

/** Whether a filter hides anything. */
export function isFiltering({ type, text }: EventFilter): boolean {
  return type !== null || text.trim() !== '';
}

/**
 * Returns a function that tells whether an entry passes the filter. It reads each event once, however often it is called.
 * A gap always passes, because the missing events might have matched.
 */
export function createEntryFilter({ type, text }: EventFilter): (entry: FeedEntry) => boolean {
  const wanted = text.trim().toLowerCase();
  const results = new WeakMap<FeedEvent, boolean>();
  const matches = (event: FeedEvent) =>
    (type === null || event.type === type) && (wanted === '' || searchableText(event).includes(wanted));
  return (entry) => {
    if (entry.kind === 'gap') return true;
    const known = results.get(entry.event);
    if (known !== undefined) return known;
    const result = matches(entry.event);
    results.set(entry.event, result);
    return result;
  };
}

/** All text of an event that a reader can see, in lower case. */
function searchableText({ type, id, data }: FeedEvent): string {
  return `${type} #${id.split('-')[1]} ${id} ${typeof data === 'string' ? data : stringify(data)}`.toLowerCase();
}

/** JSON text; empty if data is nested deeper than the engine can write. Type and id still match then. */
function stringify(data: unknown): string {
  try {
    return JSON.stringify(data) ?? '';
  } catch (error) {
    if (error instanceof RangeError) return '';
    throw error;
  }
}

/** The types of the events among `entries`, in alphabetical order. */
export function listTypes(entries: readonly FeedEntry[]): readonly string[] {
  const types = new Set<string>();
  for (const entry of entries) if (entry.kind === 'event') types.add(entry.event.type);
  return [...types].sort();
}
