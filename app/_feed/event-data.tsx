import type { FeedEvent } from '../../lib/core/event.ts';
import styles from './event-data.module.css';
import { formatSize } from './format.ts';

/** An event's data, in the layout that suits its shape. All of it is text: markup in data is not interpreted. */
export function EventData({ event }: { readonly event: FeedEvent }) {
  const layout = chooseLayout(event.data);
  switch (layout.kind) {
    case 'pairs':
      return <PairList pairs={layout.pairs} />;
    case 'text':
      return (
        <p className={styles.shortText} dir="auto">
          {layout.text === '' ? <span className={styles.emptyText}>empty text</span> : layout.text}
        </p>
      );
    case 'short json':
      return <code className={styles.shortJson}>{layout.text}</code>;
    case 'long text':
    case 'long json':
      return <FoldedText excerpt={layout.excerpt} owner={event} text={layout.text} />;
    default:
      return layout satisfies never;
  }
}

type PairListProps = {
  readonly pairs: readonly (readonly [key: string, value: string])[];
  /** Whether they are on one line, which ends where the row ends. Default: false. */
  readonly isAligned?: boolean;
};

/** Short keys and values, each value beside its key. */
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

/** The events that the reader has unfolded. A row that leaves the page and returns is still unfolded. */
const unfolded = new WeakSet<object>();

/** The keyboard must reach an element that scrolls. */
const reachableByKeyboard = 0;

type FoldedTextProps = {
  /** The first characters, on one line. */
  readonly excerpt: string;
  /** The event that the text belongs to; always the same object for the same event. */
  readonly owner: object;
  /** The whole text. */
  readonly text: string;
};

/** A text too long for the list. The reader sees an excerpt and unfolds the whole text, without JavaScript too. */
function FoldedText({ excerpt, owner, text }: FoldedTextProps) {
  return (
    <details
      className={styles.folded}
      onToggle={(toggle) => (toggle.currentTarget.open ? unfolded.add(owner) : unfolded.delete(owner))}
      open={unfolded.has(owner)}
    >
      <summary className={styles.summary}>
        <span className={styles.excerpt} dir="auto">
          {excerpt}
        </span>
        <span className={styles.size}>{formatSize(text)}</span>
      </summary>
      <pre className={styles.foldedText} dir="auto" tabIndex={reachableByKeyboard}>
        {text}
      </pre>
    </details>
  );
}

/** How data is laid out in a row. Long text and long JSON are folded behind an excerpt. */
type DataLayout =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'long text'; readonly text: string; readonly excerpt: string }
  /** A small flat object. */
  | { readonly kind: 'pairs'; readonly pairs: readonly (readonly [key: string, value: string])[] }
  /** JSON on one line. */
  | { readonly kind: 'short json'; readonly text: string }
  | { readonly kind: 'long json'; readonly text: string; readonly excerpt: string };

/** Longest text that is not folded, in characters and in lines. */
const maxTextLength = 600;
const maxTextLines = 12;

/** Length of an excerpt, in characters. */
const excerptLength = 200;

/** Longest JSON that is shown on one line, in characters. */
const maxLineLength = 80;

/** Most pairs in a pair list, and its longest key and value in characters. */
const maxPairs = 8;
const maxKeyLength = 40;
const maxValueLength = 120;

/** Deepest JSON that is indented. The size that indentation adds grows with the square of the depth. */
const maxIndentedDepth = 32;

const tooDeep = 'This data is nested too deeply to show.';

/** Chooses a layout for data. Every value has one, whatever was published. */
export function chooseLayout(data: unknown): DataLayout {
  if (typeof data === 'string') return layOutText(toPrintable(data));
  return layOutPairs(data) ?? layOutJson(data);
}

function layOutText(text: string): DataLayout {
  if (text.length <= maxTextLength && text.split('\n', maxTextLines + 1).length <= maxTextLines) {
    return { kind: 'text', text };
  }
  return { kind: 'long text', text, excerpt: excerptOf(text) };
}

function layOutPairs(data: unknown): DataLayout | null {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return null;
  const entries = Object.entries(data);
  if (entries.length === 0 || entries.length > maxPairs) return null;
  const pairs: [string, string][] = [];
  for (const [key, value] of entries) {
    if (typeof value === 'object' && value !== null) return null;
    const text = String(value);
    if (key === '' || key.length > maxKeyLength || text.length > maxValueLength) return null;
    pairs.push([toPrintable(key), toPrintable(text)]);
  }
  return { kind: 'pairs', pairs };
}

function layOutJson(data: unknown): DataLayout {
  const line = stringify(data);
  if (line === null) return { kind: 'text', text: tooDeep };
  if (line.length <= maxLineLength) return { kind: 'short json', text: line };
  return { kind: 'long json', text: formatData(data), excerpt: excerptOf(line) };
}

/** All of the data as JSON, to be read or copied: indented, or on one line if it is nested deeply. */
export function formatData(data: unknown): string {
  const indented = isDeeperThan(data, maxIndentedDepth) ? null : stringify(data, 2);
  return indented ?? stringify(data) ?? tooDeep;
}

/** JSON text; null if the nesting is deeper than the engine's stack. */
function stringify(data: unknown, indent?: number): string | null {
  try {
    return JSON.stringify(data, null, indent) ?? 'no data';
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function isDeeperThan(data: unknown, limit: number): boolean {
  if (typeof data !== 'object' || data === null) return false;
  return limit === 0 || Object.values(data).some((value) => isDeeperThan(value, limit - 1));
}

/** The first characters, on one line. It never ends in half of a surrogate pair. */
function excerptOf(text: string): string {
  const line = text.slice(0, excerptLength).replace(/\s+/g, ' ').trim();
  return `${line.replace(/[\ud800-\udbff]$/, '')}…`;
}

/** C0 controls except tab and line feed, and delete. */
const controls = /[^\P{Cc}\t\n\u0080-\u009f]/gu;

/**
 * Replaces the characters that a page cannot hold with visible ones. When a browser parses a page, it drops NUL, replaces
 * half a surrogate pair and rewrites carriage returns; server and browser would then disagree on the same event.
 */
export function toPrintable(text: string): string {
  return text.toWellFormed().replaceAll('\r\n', '\n').replace(controls, toControlPicture);
}

/** The symbol for a control character (Unicode, "Control Pictures"): `␀` for NUL, `␛` for ESC. */
function toControlPicture(control: string): string {
  const code = control.charCodeAt(0);
  return code === 0x7f ? '\u2421' : String.fromCharCode(0x2400 + code);
}
