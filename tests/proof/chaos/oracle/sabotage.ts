import type { HistoryEntry } from './history.ts';

/** Falsifies what a reader received, to show that the oracle notices it. Returns the entries that replace an entry. */
export type Sabotage = (entry: HistoryEntry) => readonly HistoryEntry[];

/** The entry that is falsified. Late enough that a reader has started, and early enough for a busy machine. */
const at = 12;

/** Ways to falsify a history, by their names for `--sabotage`. */
export const sabotages = {
  /** One event is missing. */
  drop: () => atEvent(() => []),
  /** One event arrives twice. */
  double: () => atEvent((now) => [now, now]),
  /** Two events arrive in the wrong order. */
  swap: () => {
    let kept: HistoryEntry | null = null;
    let count = 0;
    return (entry: HistoryEntry) => {
      count += 1;
      if (count === at) {
        kept = entry;
        return [];
      }
      const first = kept;
      kept = null;
      return first === null ? [entry] : [entry, first];
    };
  },
  /** One event has other data. */
  change: () =>
    atEvent((now) => [now.kind === 'event' ? { ...now, fact: { ...now.fact, text: '{}' } } : now]),
  /** Gaps are missing. */
  'hide-gaps': () => (entry: HistoryEntry) => (entry.kind === 'gap' ? [] : [entry]),
  /** The number in each gap is one too high. */
  miscount: () => (entry: HistoryEntry) =>
    entry.kind === 'gap' && entry.gap.missed !== null
      ? [{ ...entry, gap: { ...entry.gap, missed: entry.gap.missed + 1 } }]
      : [entry],
  /** Everything after some event is missing. */
  stop: () => {
    let count = 0;
    return (entry: HistoryEntry) => {
      count += 1;
      return count < at ? [entry] : [];
    };
  },
} as const satisfies Readonly<Record<string, () => Sabotage>>;

export type SabotageName = keyof typeof sabotages;

function atEvent(act: (entry: HistoryEntry) => readonly HistoryEntry[]): Sabotage {
  let count = 0;
  return (entry) => {
    count += 1;
    return count === at ? act(entry) : [entry];
  };
}
