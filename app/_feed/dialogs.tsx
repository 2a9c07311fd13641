import { type ReactNode, useContext, useEffect, useId, useRef, useState } from 'react';
import type { FeedEvent } from '../../lib/core/event.ts';
import styles from './dialogs.module.css';
import { formatData, toPrintable } from './event-data.tsx';
import { formatCount, formatSize, parseSeq } from './format.ts';
import { typeColor } from './ribbon/record.ts';
import { shortcutKeys } from './shortcuts.ts';
import { Age, formatIso, formatLocalDay, formatLocalTime, TimeDisplayContext } from './time.tsx';

type DialogProps = {
  readonly title: ReactNode;
  readonly onClose: () => void;
  readonly children: ReactNode;
};

/** A dialog over the page. The browser's own element traps the focus, closes on Escape and returns the focus. */
function Dialog({ title, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  // There is no cleanup: unmounting closes the dialog. To close it here would also call `onClose`.
  useEffect(() => {
    const { current: element } = dialog;
    if (element?.open === false) element.showModal();
  }, []);
  return (
    <dialog aria-labelledby={titleId} className={styles.dialog} closedby="any" onClose={onClose} ref={dialog}>
      <header className={styles.header}>
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

/** One event in full: everything the log has about it, to read and to copy. */
export function EventDialog({ event, onClose }: { readonly event: FeedEvent; readonly onClose: () => void }) {
  const { skewMs } = useContext(TimeDisplayContext);
  const seq = parseSeq(event.id);
  const json = formatData(event.data);
  const facts = [
    ['Id', event.id],
    ['Channel', event.channel],
    ['Time (UTC)', formatIso(event.time)],
    [
      skewMs === 0 ? 'Your time' : 'Your time (your clock differs)',
      `${formatLocalDay(event.time)}, ${formatLocalTime(event.time)}`,
    ],
  ] as const;
  return (
    <Dialog
      onClose={onClose}
      title={
        <span className={styles.eventTitle} data-type-color={typeColor(event.type)}>
          {event.type} #{seq === null ? event.id : formatCount(seq)}
        </span>
      }
    >
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
      <div className={styles.dataHeader}>
        <h3 className={styles.factName}>Data, {formatSize(json)}</h3>
        <CopyButton label="Copy data" text={json} />
        <CopyButton label="Copy event" text={formatData(event)} />
        <CopyButton label="Copy link" text={() => window.location.href} />
      </div>
      <pre className={styles.data} dir="auto">
        {toPrintable(json)}
      </pre>
    </Dialog>
  );
}

/** Copies text and reports the outcome. Browsers allow it only on pages served over HTTPS or from this machine. */
function CopyButton({ label, text }: { readonly label: string; readonly text: string | (() => string) }) {
  const [outcome, setOutcome] = useState<string | null>(null);
  const copy = () =>
    copyText(typeof text === 'string' ? text : text()).then(
      () => setOutcome('Copied'),
      () => setOutcome('Not allowed here. Select the text.'),
    );
  return (
    <button aria-live="polite" className={styles.copy} onClick={copy} type="button">
      {outcome ?? label}
    </button>
  );
}

/** Rejects also where the browser has no clipboard: an async function turns what it throws into a rejection. */
async function copyText(text: string): Promise<void> {
  await navigator.clipboard.writeText(text);
}

type MissingDialogProps = {
  /** The id in the address of the page. */
  readonly id: string;
  /** Events the log keeps per channel; null if that is not known. */
  readonly retention: number | null;
  readonly onClose: () => void;
};

/** Says that the event of a link is not in the list. */
export function MissingDialog({ id, retention, onClose }: MissingDialogProps) {
  const seq = parseSeq(id);
  return (
    <Dialog onClose={onClose} title="This event is not here">
      <p>
        The link names event #{seq === null ? id : formatCount(seq)}, but the page could not find it in this
        channel.
        {retention !== null &&
          ` The log keeps the last ${formatCount(retention)} events; older ones are gone.`}
      </p>
      <p className={styles.note}>Its id is {id}.</p>
    </Dialog>
  );
}

type HelpDialogProps = {
  /** Whether single-key shortcuts are on. */
  readonly areShortcutsOn: boolean;
  readonly onShortcutsChange: (areOn: boolean) => void;
  readonly onClose: () => void;
};

/** Explains the panel Continuity and the keys. The reader can switch them off here. */
export function HelpDialog({ areShortcutsOn, onShortcutsChange, onClose }: HelpDialogProps) {
  return (
    <Dialog onClose={onClose} title="Help">
      <p className={styles.note}>
        Continuity shows the last minutes. A bar is a stream; the next one begins before it ends. A cross is
        where a stream was lost. A dot is a poll, an empty one a poll that failed. Each line below is an
        event: the higher, the later it came. A red box is a gap, with the number of events that are gone.
      </p>
      <dl>
        {shortcutKeys.map(([key, action]) => (
          <div className={styles.shortcut} key={key}>
            <dt className={styles.key}>
              {key.split(', ').map((name) => (
                <kbd className={styles.cap} key={name}>
                  {name}
                </kbd>
              ))}
            </dt>
            <dd>{action}</dd>
          </div>
        ))}
      </dl>
      <label className={styles.switch}>
        <input
          checked={areShortcutsOn}
          onChange={(change) => onShortcutsChange(change.currentTarget.checked)}
          type="checkbox"
        />
        Use single-key shortcuts
      </label>
      <p className={styles.note}>
        Pause stops the list, not the connection: new events keep arriving and appear when you resume. The
        list also keeps its position while you are scrolled down, have selected text, or have an event in
        focus.
      </p>
    </Dialog>
  );
}
