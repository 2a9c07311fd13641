import styles from './no-match.module.css';

/** What stands in the list's place when a filter hides everything. */
export function NoMatch({ onClear }: { readonly onClear: () => void }) {
  return (
    <p className={styles.none}>
      None of the events loaded so far is like that.{' '}
      <button className={styles.clear} onClick={onClear} type="button">
        Show all
      </button>
    </p>
  );
}
