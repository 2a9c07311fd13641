import { type ReactNode, useEffect, useId, useRef } from 'react';
import styles from './window.module.css';

export type WindowProps = {
  readonly title: ReactNode;
  readonly onClose: () => void;
  readonly children: ReactNode;
};

/** A dialog over the page: the browser's own, which keeps the focus, closes by Escape and gives the focus back. */
export function Window({ title, onClose, children }: WindowProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  // Leaving the page closes it; to close it here would tell of a closing that nobody asked for.
  useEffect(() => {
    const { current: element } = dialog;
    if (element?.open === false) element.showModal();
  }, []);
  return (
    <dialog aria-labelledby={titleId} className={styles.window} closedby="any" onClose={onClose} ref={dialog}>
      <header className={styles.head}>
        <h2 className={styles.title} id={titleId}>
          {title}
        </h2>
        <form method="dialog">
          <button className={styles.close} type="submit">
            Close
          </button>
        </form>
      </header>
      {children}
    </dialog>
  );
}
