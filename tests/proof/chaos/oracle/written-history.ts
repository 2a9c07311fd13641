import type { Gap } from '../../../../lib/core/continuity.ts';
import type { HistoryEntry } from './history.ts';
import { type Fact, type Life, seqOf } from './history.ts';

/** The time of an event by its letter: events stored after a loss are later. */
const times: Readonly<Record<string, number>> = { a: 100, b: 200, c: 300 };

/** An event as tests write it: `a3` has seq 3; `b3` was stored after a loss; `a3n` has the type `note`. */
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

/** The lives of a log: events separated by blanks, lives by `/`; `-` is an empty life. */
export function lives(text: string, trimmedUpTo: number, trimmedAt = 0): Life[] {
  return text.split('/').map((own) => {
    const words = own.trim() === '-' ? [] : own.trim().split(' ');
    return { epoch: 'aaaaaa', events: words.map(fact), trims: [{ at: trimmedAt, upTo: trimmedUpTo }] };
  });
}

/** What a reader received: events, and gaps as `trimmed:2`, `trimmed:<=2` (with a filter) or `restarted`. */
export function received(text: string): HistoryEntry[] {
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

/** The id of an event as tests write it. */
export function idOf(word: string): string {
  const { id } = fact(word);
  return `${id.slice(0, id.indexOf('-'))}-${seqOf(id)}`;
}
