import type { Position } from '../../core/cursor.ts';
import type { FeedEvent } from '../../core/event.ts';
import { beforeFirst, compareEventIds, type EventId } from '../../core/ids.ts';
import { applyToState, isExpired } from '../../core/latest.ts';
import { readId } from '../transport/wire.ts';
import type { StatePage } from './state-page.ts';

/*
 * The state of one channel as a reader has it: the pages of the state, and the events that follow them. Pure: it is told the
 * time, and sends nothing.
 *
 * The pages are true at the cursor of the first one. What the feed brings up to there is in them already: taken again, an
 * event of before a removal would bring its subject back. What the feed brings while pages are being read is kept, and
 * taken after the last page.
 */

/** The pages of one reading of the state. */
type Load = {
  /** The cursor of the first page, as it was written; null before it is here. */
  cursor: string | null;
  position: Position | null;
  events: Map<string, FeedEvent>;
  /** Where the next page begins; empty: at the beginning. */
  next: string;
};

/**
 * What became of a page. `stale`: it is from before the gap that the reading is for, as from a replica that lags; or it leads
 * nowhere. Read again from the beginning, later.
 */
export type Taken = 'more' | 'complete' | 'stale';

export class LatestFold {
  /** Subject → its latest event, also when that has expired: no older one may take its place. */
  #events = new Map<string, FeedEvent>();
  /** `#events` has everything up to here; null: nothing is known. */
  #readTo: EventId | null = null;
  /** The newest id that a page or the feed has named, in this epoch. Pages can be ahead of their cursor. */
  #seenTo: EventId = beforeFirst;
  #load: Load | null = null;
  /** A state that is read must have reached this position, since the reader has: null: any will do. */
  #least: Position | null = null;
  /** The newest event of each subject after that, also where it is removed. */
  #since = new Map<string, FeedEvent>();
  #shown: ReadonlyMap<string, FeedEvent> = new Map();

  /** Subject → its latest event, without what has expired. The same object while nothing changes. */
  get shown(): ReadonlyMap<string, FeedEvent> {
    return this.#shown;
  }

  /** What the next page has to be asked with. */
  get wanted(): { readonly next: string; readonly after: string | null } {
    return { next: this.#load?.next ?? '', after: this.#load?.cursor ?? null };
  }

  /** Forgets the pages so far: they are read from the beginning. */
  readAgain(): void {
    this.#load = null;
  }

  /**
   * Events are gone: the state has to be read again. After `trimmed` the old one stays until then. After `restarted` it is no
   * longer true, and goes at once.
   * @param least where the reader is after the gap.
   */
  lose(reason: 'trimmed' | 'restarted', least: Position | null): void {
    this.#load = null;
    this.#least = least;
    this.#since = new Map();
    if (reason === 'trimmed') return;
    this.#events = new Map();
    this.#readTo = null;
    this.#seenTo = beforeFirst;
  }

  /** Takes a page of the state. Another cursor than that of the pages before it means that the log has started again. */
  takePage({ cursor, position, events, next }: StatePage): Taken {
    if (this.#load?.cursor !== cursor) {
      if (!hasReached(position, this.#least)) return this.#refuse();
      this.#load = { cursor, position, events: new Map(), next: '' };
    }
    const load = this.#load;
    for (const event of events) applyToState(load.events, event);
    if (next !== null) {
      if (next === load.next) return this.#refuse();
      load.next = next;
      return 'more';
    }
    this.#load = null;
    this.#least = position;
    this.#events = load.events;
    this.#readTo = position.id;
    this.#seenTo = newestOf([position.id, ...[...load.events.values()].map(({ id }) => readId(id))]);
    for (const event of this.#since.values()) this.#apply(event);
    this.#since = new Map();
    return 'complete';
  }

  #refuse(): 'stale' {
    this.#load = null;
    return 'stale';
  }

  /** Shows the pages so far, while the rest is read: the first one may have come with the page. */
  showPages(): void {
    if (this.#load !== null) this.#events = new Map(this.#load.events);
  }

  /**
   * Takes events that the feed has brought, in order.
   * @returns false if the state had events that the log has lost since, before the feed came to them: read it again.
   */
  follow(events: readonly FeedEvent[]): boolean {
    let isOne = true;
    for (const event of events) {
      isOne &&= this.#continues(readId(event.id));
      if (event.subject !== undefined) this.#keep(event.subject, event);
      this.#apply(event);
    }
    return isOne;
  }

  /** Within one epoch a later event has the higher number. */
  #continues(id: EventId): boolean {
    const at = this.#seenTo;
    if (compareEventIds(id, at) <= 0) return true;
    this.#seenTo = id;
    return id.seq > at.seq;
  }

  /** In the order of the ids, as `#apply` needs them. */
  #keep(subject: string, event: FeedEvent): void {
    this.#since.delete(subject);
    this.#since.set(subject, event);
  }

  #apply(event: FeedEvent): void {
    const id = readId(event.id);
    if (this.#readTo !== null && compareEventIds(id, this.#readTo) <= 0) return;
    applyToState(this.#events, event);
    this.#readTo = id;
  }

  /** Brings `shown` up to date. @param nowMs the time by the log's clock; null: nobody knows, and nothing expires. */
  show(nowMs: number | null): void {
    const next = new Map<string, FeedEvent>();
    for (const [subject, event] of this.#events)
      if (nowMs === null || !isExpired(event, nowMs))
        next.set(subject, sameOr(event, this.#shown.get(subject)));
    const isSame =
      next.size === this.#shown.size &&
      [...next].every(([subject, event]) => this.#shown.get(subject) === event);
    if (!isSame) this.#shown = next;
  }

  /** When the first of the events that are shown expires, Unix time in ms by the log's clock; null: none does. */
  get expiresAt(): number | null {
    let first: number | null = null;
    for (const { expiresAt } of this.#shown.values())
      if (expiresAt !== undefined) first = Math.min(first ?? expiresAt, expiresAt);
    return first;
  }
}

/** The event as it is shown already, where it is the same: who draws it need not draw it again. */
function sameOr(event: FeedEvent, shown: FeedEvent | undefined): FeedEvent {
  return shown?.id === event.id ? shown : event;
}

function newestOf(ids: readonly EventId[]): EventId {
  return ids.reduce((newest, id) => (compareEventIds(id, newest) > 0 ? id : newest), beforeFirst);
}

function hasReached({ id, epoch }: Position, least: Position | null): boolean {
  if (least === null || least.epoch === null) return true;
  return epoch === least.epoch && compareEventIds(id, least.id) >= 0;
}
