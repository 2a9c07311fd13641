import styles from './help-window.module.css';
import { Window } from './window.tsx';

const keys = [
  ['N', 'Go to the newest events'],
  ['P', 'Pause the list, or go on'],
  ['/', 'Search'],
  ['T', 'Times as a clock, or as an age'],
  ['C', 'Show or hide the connection'],
  ['Page Down, Page Up', 'From event to event, once one has the focus'],
  ['Enter', 'Open the event that has the focus'],
  ['?', 'This help'],
] as const;

export type HelpWindowProps = {
  /** Whether single keys work. */
  readonly areKeysOn: boolean;
  readonly onKeysChange: (areOn: boolean) => void;
  readonly onClose: () => void;
};

/** What the keys do, and a way to switch them off. */
export function HelpWindow({ areKeysOn, onKeysChange, onClose }: HelpWindowProps) {
  return (
    <Window onClose={onClose} title="Keys">
      <dl className={styles.keys}>
        {keys.map(([key, what]) => (
          <div className={styles.row} key={key}>
            <dt className={styles.key}>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <label className={styles.switch}>
        <input
          checked={areKeysOn}
          onChange={(change) => onKeysChange(change.currentTarget.checked)}
          type="checkbox"
        />
        Single keys work on this page
      </label>
      <p className={styles.note}>
        Pausing stops the list, not the connection: events go on arriving, and are shown when you go on. An
        event that is focused, selected or scrolled to keeps its place by itself.
      </p>
    </Window>
  );
}
