import { type ReactNode, useCallback, useContext, useEffect, useId, useRef, useState } from 'react';
import type { FeedEntry } from '../../lib/client/feed-options.ts';
import type { FeedEvent } from '../../lib/core/event.ts';
import styles from './dialogs.module.css';
import { formatData, toPrintable } from './event-data.tsx';
import { formatCount, formatSize, parseSeq } from './format.ts';
import { shortcutKeys } from './shortcuts.ts';
import { Age, formatIso, formatLocalDay, formatLocalTime, TimeDisplayContext } from './time.tsx';

/** The dialog that is open over the page; at most one. */
type OpenDialog = {
  /** The event that is shown in full; null if there is none. */
  readonly event: FeedEvent | null;
  readonly isHelpOpen: boolean;
  openEvent(event: FeedEvent): void;
  openHelp(): void;
  close(): void;
};

/** Holds which dialog is open. Its functions never change, so that they cause no render of the rows. */
export function useDialogs(): OpenDialog {
  const [open, setOpen] = useState<FeedEvent | 'help' | null>(null);
  const openEvent = useCallback((event: FeedEvent) => {
    setOpen(event);
    setHash(event.id);
  }, []);
  const openHelp = useCallback(() => setOpen('help'), []);
  const close = useCallback(() => {
    setOpen(null);
    setHash('');
  }, []);
  return { event: open === 'help' ? null : open, isHelpOpen: open === 'help', openEvent, openHelp, close };
}

/** The address of the page names the event that is open, so that it is open again after a reload. */
function setHash(id: string): void {
  const { pathname, search } = window.location;
  window.history.replaceState(window.history.state, '', `${pathname}${search}${id && `#${id}`}`);
}

/** Most pages of older events that are loaded to find the event of a link. */
const maxPages = 20;

type LinkSearch = {
  /** Newest first. */
  readonly entries: readonly FeedEntry[];
  readonly hasOlder: boolean;
  /** Loads a page of older events. @returns false if that failed. */
  readonly loadOlder: () => Promise<boolean>;
  readonly onFound: (event: FeedEvent) => void;
};

/** Opens the event that the address names (`#<id>`), once. It loads older events until the list reaches back to it. */
export function useLinkedEvent({ entries, hasOlder, loadOlder, onFound }: LinkSearch): void {
  const wanted = useRef<string | null>(null);
  const pages = useRef(0);
  useEffect(() => {
    wanted.current = window.location.hash.slice(1) || null;
  }, []);
  useEffect(() => {
    const id = wanted.current;
    if (id === null) return;
    const oldest = entries.findLast((entry) => entry.kind === 'event');
    if (oldest?.kind === 'event' && (parseSeq(oldest.event.id) ?? 0) > (parseSeq(id) ?? 0)) {
      // `hasOlder` may be false before the last page is in the list.
      if (hasOlder && pages.current < maxPages) {
        pages.current += 1;
        void loadOlder();
      }
      return;
    }
    wanted.current = null;
    const found = entries.find((entry) => entry.kind === 'event' && entry.event.id === id);
    if (found?.kind === 'event') onFound(found.event);
  }, [entries, hasOlder, loadOlder, onFound]);
}

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
    ['Type', event.type],
    ['Time (UTC)', formatIso(event.time)],
    [
      skewMs === 0 ? 'Your time' : 'Your time (your clock differs)',
      `${formatLocalDay(event.time)}, ${formatLocalTime(event.time)}`,
    ],
  ] as const;
  return (
    <Dialog onClose={onClose} title={`${event.type} #${seq === null ? event.id : formatCount(seq)}`}>
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

type HelpDialogProps = {
  /** Whether single-key shortcuts are on. */
  readonly areShortcutsOn: boolean;
  readonly onShortcutsChange: (areOn: boolean) => void;
  readonly onClose: () => void;
};

/** Explains the keys. The reader can switch them off here. */
export function HelpDialog({ areShortcutsOn, onShortcutsChange, onClose }: HelpDialogProps) {
  return (
    <Dialog onClose={onClose} title="Keyboard shortcuts">
      <dl>
        {shortcutKeys.map(([key, action]) => (
          <div className={styles.shortcut} key={key}>
            <dt className={styles.key}>
              <kbd>{key}</kbd>
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
