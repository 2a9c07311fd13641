import styles from './empty-feed.module.css';

/** What stands in the list's place until the first event comes. */
export function EmptyFeed() {
  return (
    <section className={styles.empty}>
      <h2 className={styles.title}>No events yet</h2>
      <p>Publish the first one; it appears here at once:</p>
      <pre className={styles.command}>npm run push -- "hello"</pre>
    </section>
  );
}
