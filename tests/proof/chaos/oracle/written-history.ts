import type { Gap } from '../../../../lib/core/continuity.ts';
import type { HistoryEntry } from './history.ts';
import { type Fact, type Life, seqOf } from './history.ts';

/** Time of the ids of events that are written with this letter: what is stored after a loss is later. */
const times: Readonly<Record<string, number>> = { a: 100, b: 200, c: 300 };

/** An event as tests write it: `a3` is seq 3 of the first line, `b3` one that was stored after a loss; `a3n` a note. */
export function fact(word: string): Fact {
  const [, letter = '', seq = '', note] = /^([abc])(\d+)(n?)$/.exec(word) ?? [];
  const id = `${times[letter]}-${seq}`;
  return {
    channel: 'feed',
    id,
    seq: Number(seq),
    type: note === 'n' ? 'note' : 'message',
    text: JSON.stringify({ publisher: 'p', request: `${letter}${seq}`, index: 0, of: 1, at: 0 }),
  };
}

/** The lives of a log: events parted by blanks, lives by `/`; `-` is one in which nothing was stored. */
export function lives(text: string, trimmedUpTo: number, trimmedAt = 0): Life[] {
  return text.split('/').map((own) => {
    const words = own.trim() === '-' ? [] : own.trim().split(' ');
    return { epoch: 'aaaaaa', events: words.map(fact), trims: [{ at: trimmedAt, upTo: trimmedUpTo }] };
  });
}

/** What a reader was told: events, and gaps as `trimmed:2`, `trimmed:<=2` (behind a filter) or `restarted`. */
export function told(text: string): HistoryEntry[] {
  return text.split(' ').filter(Boolean).map(entry);
}

function entry(word: string): HistoryEntry {
  const [, atMost, count] = /^trimmed:(<=)?(\d+)$/.exec(word) ?? [];
  if (count !== undefined) return gap('trimmed', Number(count), atMost === undefined);
  if (word === 'restarted') return gap('restarted', null, false);
  return { kind: 'event', fact: fact(word) };
}

function gap(reason: Gap['reason'], missed: number | null, exact: boolean): HistoryEntry {
  return {
    kind: 'gap',
    gap: { channel: 'feed', reason, missed, exact, after: '0-0', resumesAt: null },
    at: 0,
  };
}

/** Ids of events as tests write them. */
export function idOf(word: string): string {
  const { id } = fact(word);
  return `${id.slice(0, id.indexOf('-'))}-${seqOf(id)}`;
}
