import type { FeedEvent } from '../../lib/core/event.ts';
import styles from './event-data.module.css';
import { sizeText } from './format.ts';

/** An event's data in the form that suits its shape. Everything is text: markup in data stays what it is. */
export function EventData({ event }: { readonly event: FeedEvent }) {
  const form = formOf(event.data);
  switch (form.kind) {
    case 'pairs':
      return <PairList pairs={form.pairs} />;
    case 'text':
      return (
        <p className={styles.shortText} dir="auto">
          {form.text === '' ? <span className={styles.emptyText}>an empty text</span> : form.text}
        </p>
      );
    case 'short json':
      return <code className={styles.shortJson}>{form.json}</code>;
    case 'long text':
      return <Folded owner={event} beginning={form.beginning} size={sizeText(form.text)} text={form.text} />;
    case 'long json':
      return <Folded owner={event} beginning={form.beginning} size={sizeText(form.json)} text={form.json} />;
    default:
      return form satisfies never;
  }
}

type PairListProps = {
  readonly pairs: readonly (readonly [key: string, value: string])[];
  /** Equal columns, so that the same keys stand below each other in a list. Default: as wide as they need. */
  readonly isAligned?: boolean;
};

/** Short keys and values, each key over its value. */
export function PairList({ pairs, isAligned = false }: PairListProps) {
  return (
    <dl className={isAligned ? `${styles.pairs} ${styles.aligned}` : styles.pairs}>
      {pairs.map(([key, value]) => (
        <div className={styles.pair} key={key}>
          <dt className={styles.key}>{key}</dt>
          <dd className={styles.value} dir="auto">
            {value}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** What the reader has opened: a row that leaves the page and comes back is as it was. */
const opened = new WeakSet<object>();

/** What scrolls must be within reach of the keyboard. */
const reachable = 0;

type FoldedProps = {
  /** Whose text it is; the same object for as long as it is. */
  readonly owner: object;
  /** The first characters, on one line. */
  readonly beginning: string;
  /** How much there is, in words. */
  readonly size: string;
  /** All of it. */
  readonly text: string;
};

/** What is too long for the list: its beginning, and all of it once opened. Opens without JavaScript too. */
function Folded({ owner, beginning, size, text }: FoldedProps) {
  return (
    <details
      className={styles.folded}
      onToggle={(toggle) => (toggle.currentTarget.open ? opened.add(owner) : opened.delete(owner))}
      open={opened.has(owner)}
    >
      <summary className={styles.summary}>
        <span className={styles.beginning} dir="auto">
          {beginning}
        </span>
        <span className={styles.size}>{size}</span>
      </summary>
      <pre className={styles.foldedText} dir="auto" tabIndex={reachable}>
        {text}
      </pre>
    </details>
  );
}

/** How an event's data is shown. */
type DataForm =
  /** A short text, or a long one that is folded behind its beginning. */
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'long text'; readonly text: string; readonly beginning: string }
  /** A small flat object. */
  | { readonly kind: 'pairs'; readonly pairs: readonly (readonly [key: string, value: string])[] }
  /** JSON that fits a line, or is folded behind its beginning. */
  | { readonly kind: 'short json'; readonly json: string }
  | { readonly kind: 'long json'; readonly json: string; readonly beginning: string };

/** Longest text shown whole, and how much of a longer one, in characters. */
const textLimit = 600;
const beginningLimit = 200;

/** Most lines of a text shown whole. */
const lineLimit = 12;

/** Longest JSON shown in a line, in characters. */
const lineLength = 80;

/** Most pairs shown as such, the longest key and value among them. */
const pairLimit = 8;
const keyLimit = 40;
const valueLimit = 120;

/** Deepest JSON that is indented: what indentation adds grows with the square of the depth. */
const depthLimit = 32;

/** Chooses how data is shown. Total: every value has a form, whatever was published. */
export function formOf(data: unknown): DataForm {
  if (typeof data === 'string') return textForm(printable(data));
  return pairsForm(data) ?? jsonForm(data);
}

function textForm(text: string): DataForm {
  if (text.length <= textLimit && text.split('\n', lineLimit + 1).length <= lineLimit) {
    return { kind: 'text', text };
  }
  return { kind: 'long text', text, beginning: beginningOf(text) };
}

function pairsForm(data: unknown): DataForm | null {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return null;
  const entries = Object.entries(data);
  if (entries.length === 0 || entries.length > pairLimit) return null;
  const pairs: [string, string][] = [];
  for (const [key, value] of entries) {
    if (typeof value === 'object' && value !== null) return null;
    const text = String(value);
    if (key === '' || key.length > keyLimit || text.length > valueLimit) return null;
    pairs.push([printable(key), printable(text)]);
  }
  return { kind: 'pairs', pairs };
}

/** All of data, for one who wants to read or copy it: indented JSON, in a line where it is nested deeply. */
export function fullText(data: unknown): string {
  const json = isDeeper(data, depthLimit) ? stringify(data) : stringify(data, 2);
  return json ?? 'This data is nested too deeply to be shown.';
}

function jsonForm(data: unknown): DataForm {
  const line = stringify(data);
  if (line === null) return { kind: 'text', text: 'This data is nested too deeply to be shown.' };
  if (line.length <= lineLength) return { kind: 'short json', json: line };
  const json = (isDeeper(data, depthLimit) ? null : stringify(data, 2)) ?? line;
  return { kind: 'long json', json, beginning: beginningOf(line) };
}

/** JSON text; null where the nesting is deeper than the engine's own stack. */
function stringify(data: unknown, indent?: number): string | null {
  try {
    return JSON.stringify(data, null, indent) ?? 'no data';
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function isDeeper(data: unknown, limit: number): boolean {
  if (typeof data !== 'object' || data === null) return false;
  return limit === 0 || Object.values(data).some((value) => isDeeper(value, limit - 1));
}

/** The first characters on one line, never half of a surrogate pair. */
function beginningOf(text: string): string {
  const line = text.slice(0, beginningLimit).replace(/\s+/g, ' ').trim();
  return `${line.replace(/[\ud800-\udbff]$/, '')}…`;
}

/** C0 controls but tab and line feed, and delete. */
const controls = /[^\P{Cc}\t\n\u0080-\u009f]/gu;

/**
 * Text as it can be shown: what no page can hold is made visible. A browser drops NUL, replaces half a surrogate pair
 * and rewrites carriage returns when it reads a page, so that server and browser would disagree on the same event.
 */
export function printable(text: string): string {
  return text.toWellFormed().replaceAll('\r\n', '\n').replace(controls, pictureOf);
}

/** The control's picture (Unicode, "Control Pictures"): `␀` for NUL, `␛` for ESC. */
function pictureOf(control: string): string {
  const code = control.charCodeAt(0);
  return code === 0x7f ? '\u2421' : String.fromCharCode(0x2400 + code);
}
