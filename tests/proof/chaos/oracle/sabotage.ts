import type { HistoryEntry } from './history.ts';

/** Falsifies what a reader was told, to show that the oracle notices: what stands in its history for an entry. */
export type Sabotage = (entry: HistoryEntry) => readonly HistoryEntry[];

/** At which entry a history is falsified: a reader has begun by then, and on a busy machine has come so far. */
const at = 12;

/** Ways to falsify a history, by their names on the command line. */
export const sabotages = {
  /** One event is not told. */
  drop: () => atEvent(() => []),
  /** One event is told twice. */
  double: () => atEvent((now) => [now, now]),
  /** Two events are told in the wrong order. */
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
  /** An event comes with other data. */
  change: () =>
    atEvent((now) => [now.kind === 'event' ? { ...now, fact: { ...now.fact, text: '{}' } } : now]),
  /** No gap is told. */
  'hide-gaps': () => (entry: HistoryEntry) => (entry.kind === 'gap' ? [] : [entry]),
  /** Gaps give one too many. */
  miscount: () => (entry: HistoryEntry) =>
    entry.kind === 'gap' && entry.gap.missed !== null
      ? [{ ...entry, gap: { ...entry.gap, missed: entry.gap.missed + 1 } }]
      : [entry],
  /** From some event on, nothing is told. */
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
