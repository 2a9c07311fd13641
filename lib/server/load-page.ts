import { judge, type Loss, type Verdict } from '../core/continuity.ts';
import type { Position } from '../core/cursor.ts';
import type { EventId } from '../core/ids.ts';
import type { EventLog } from '../log/event-log.ts';
import { type Entry, encodeEntry } from './entry.ts';
import type { Segment } from './segment.ts';

/** What the log has for a reader at a position. */
export type Loaded =
  /** Events that follow without a hole; none when the reader has all of them. `more`: the log holds more behind them. */
  { readonly kind: 'segment'; readonly segment: Segment; readonly more: boolean } | Loss | StaleAnswer;

/** The answer may be stale: read again, and believe `otherwise` when patience ends. */
export type StaleAnswer = Extract<Verdict, { kind: 'again' }>;

/**
 * Reads a page after `position` and judges it.
 * @param heard the newest id heard of the channel; an answer that does not reach it declares no loss.
 * @param limit events, 1 to 500.
 */
export async function loadPage(
  log: EventLog,
  channel: string,
  position: Position,
  heard: EventId | null,
  limit: number,
): Promise<Loaded> {
  const { state, events } = await log.read(channel, { kind: 'after', id: position.id }, limit);
  const next = events[0]?.id ?? null;
  const verdict = judge({ position, state, next, heard });
  if (verdict.kind !== 'continue') return verdict;
  if (state === null) return { kind: 'segment', segment: { base: position, entries: [] }, more: false };
  const base = { id: position.id, epoch: state.epoch };
  const entries: Entry[] = [];
  for (const event of events) {
    // A hole inside the page is judged when the next page begins at it.
    if (event.id.seq !== position.id.seq + entries.length + 1) break;
    entries.push(encodeEntry(channel, state.epoch, event));
  }
  const end = entries.at(-1)?.id ?? position.id;
  return { kind: 'segment', segment: { base, entries }, more: end.seq < state.last.seq };
}
