import { type ReactNode, useCallback, useContext, useEffect, useId, useRef, useState } from 'react';
import type { FeedEvent } from '../../lib/core/event.ts';
import styles from './dialogs.module.css';
import { fullText, printable } from './event-data.tsx';
import { countText, seqOf, sizeText } from './format.ts';
import { shortcutKeys } from './shortcuts.ts';
import { Age, localDay, localTime, TimeSenseContext, utcDay, utcTime } from './time.tsx';

/** The one dialog that is open over the page, if any. */
type Overlay = {
  /** The event that is shown in full; null while none is. */
  readonly event: FeedEvent | null;
  readonly isHelpOpen: boolean;
  openEvent(event: FeedEvent): void;
  openHelp(): void;
  close(): void;
};

/** Holds which dialog is open. Its functions stay the same, so that rows need not be rendered for them. */
export function useOverlay(): Overlay {
  const [open, setOpen] = useState<FeedEvent | 'help' | null>(null);
  const openEvent = useCallback((event: FeedEvent) => setOpen(event), []);
  const openHelp = useCallback(() => setOpen('help'), []);
  const close = useCallback(() => setOpen(null), []);
  return { event: open === 'help' ? null : open, isHelpOpen: open === 'help', openEvent, openHelp, close };
}

type WindowProps = {
  readonly title: ReactNode;
  readonly onClose: () => void;
  readonly children: ReactNode;
};

/** A dialog over the page: the browser's own, which keeps the focus, closes by Escape and gives the focus back. */
function Window({ title, onClose, children }: WindowProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  // Leaving the page closes it; to close it here would tell of a closing that nobody asked for.
  useEffect(() => {
    const { current: element } = dialog;
    if (element?.open === false) element.showModal();
  }, []);
  return (
    <dialog aria-labelledby={titleId} className={styles.dialog} closedby="any" onClose={onClose} ref={dialog}>
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

/** One event in full: everything the log has of it, to be read and copied. */
export function EventWindow({ event, onClose }: { readonly event: FeedEvent; readonly onClose: () => void }) {
  const { skewMs } = useContext(TimeSenseContext);
  const seq = seqOf(event.id);
  const json = fullText(event.data);
  const iso = `${utcDay(event.time)}T${utcTime(event.time, 'ms')}Z`;
  const facts = [
    ['Id', event.id],
    ['Channel', event.channel],
    ['Type', event.type],
    ['Time', iso],
    [skewMs === 0 ? 'Here' : 'Here (clock differs)', `${localDay(event.time)}, ${localTime(event.time)}`],
  ] as const;
  return (
    <Window onClose={onClose} title={`${event.type} #${seq === null ? event.id : countText(seq)}`}>
      <dl className={styles.facts}>
        {facts.map(([name, value]) => (
          <div className={styles.fact} key={name}>
            <dt className={styles.factName}>{name}</dt>
            <dd className={styles.factValue}>{value}</dd>
          </div>
        ))}
        <div className={styles.fact}>
          <dt className={styles.factName}>Age</dt>
          <dd className={styles.factValue}>
            <Age time={event.time} />
          </dd>
        </div>
      </dl>
      <div className={styles.dataBar}>
        <h3 className={styles.factName}>Data, {sizeText(json)}</h3>
        <CopyButton label="Copy data" text={json} />
        <CopyButton label="Copy event" text={fullText(event)} />
      </div>
      <pre className={styles.data} dir="auto">
        {printable(json)}
      </pre>
    </Window>
  );
}

/** Copies text, and says whether that was possible: a page that is not served safely may not. */
function CopyButton({ label, text }: { readonly label: string; readonly text: string }) {
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

type HelpWindowProps = {
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
        {shortcutKeys.map(([key, what]) => (
          <div className={styles.shortcut} key={key}>
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
