import type { RefObject } from 'react';
import type { EventFilter } from './event-filter.ts';
import styles from './toolbar.module.css';

export type ToolbarProps = {
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
