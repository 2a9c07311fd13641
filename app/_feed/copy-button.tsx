import { useState } from 'react';
import styles from './copy-button.module.css';

/** Copies text, and says whether that was possible: a page that is not served safely may not. */
export function CopyButton({ label, text }: { readonly label: string; readonly text: string }) {
  const [outcome, setOutcome] = useState<string | null>(null);
  const copy = () =>
    copyText(text).then(
      () => setOutcome('Copied'),
      () => setOutcome('Not allowed here: select it'),
    );
  return (
    <button aria-live="polite" className={styles.copy} onClick={copy} type="button">
      {outcome ?? label}
    </button>
  );
}

async function copyText(text: string): Promise<void> {
  await navigator.clipboard.writeText(text);
}
