import type { Clock } from '../../core/clock.ts';
import { maxReplicaLagMs } from '../../core/continuity.ts';
import type { Cursor, Position } from '../../core/cursor.ts';
import { compareEventIds, type EventId } from '../../core/ids.ts';
import { stateFrame } from '../../core/sse-frames.ts';
import { type EventLog, type LatestPage, maxRead } from '../../log/event-log.ts';
import { type EventFilter, eventJson, isWanted } from '../tail/ring-buffer.ts';
import { tailTimes } from '../tail/tail-times.ts';
import { maxChunkBytes } from './frames.ts';
import { positionAtEnd } from './start-position.ts';

/** A page of a channel's state, as the log gave it. */
export type StatePage = LatestPage & {
  /** Later questions have higher numbers. */
  readonly question: number;
  /** When the log was asked, by the clock's `elapsed`. */
  readonly askedAt: number;
};

/** Reads the state of channels. The process has one, so that readers who join together cost one command. */
export type StateReads = {
  /**
   * Reads the part of the state with seqs higher than `afterSeq`.
   * @param least the lowest number of a question whose answer is new enough. Without it, the log is asked after this call; 0:
   * the answer may be about a second old.
   */
  read(channel: string, afterSeq: number, limit: number, least?: number): Promise<StatePage>;
};

type Question = {
  readonly number: number;
  readonly askedAt: number;
  readonly answer: Promise<StatePage>;
  isUnderWay: boolean;
  /** The next question: all share it who came after the log was asked. */
  next: Promise<StatePage> | null;
};

/** How long an answer is kept for streams that join, in ms. */
const keepMs = 1_000;

/** The most answers that are kept. */
const maxKept = 8;

export function createStateReads(log: Pick<EventLog, 'latest'>, clock: Clock): StateReads {
  const questions = new Map<string, Question>();
  let asked = 0;
  let isSweeping = false;

  function ask(key: string, channel: string, afterSeq: number, limit: number): Promise<StatePage> {
    asked += 1;
    const [number, askedAt] = [asked, clock.elapsed()];
    const answer = log
      .latest(channel, afterSeq, limit)
      .then((page) => ({ ...page, question: number, askedAt }));
    const question: Question = { number, askedAt, answer, isUnderWay: true, next: null };
    questions.delete(key);
    questions.set(key, question);
    const settle = (isKept: boolean) => {
      question.isUnderWay = false;
      if (!isKept && questions.get(key) === question) questions.delete(key);
      dropAnswers((_, index, all) => index < all - maxKept);
      scheduleSweep();
    };
    answer.then(
      () => settle(true),
      () => settle(false),
    );
    return answer;
  }

  /** A stream that takes a whole second for a page asks for the next one again. */
  function scheduleSweep(): void {
    if (isSweeping || questions.size === 0) return;
    isSweeping = true;
    clock.after(keepMs, () => {
      isSweeping = false;
      const old = clock.elapsed() - keepMs;
      dropAnswers(({ askedAt }) => askedAt <= old);
      scheduleSweep();
    });
  }

  /** Forgets answers: the oldest has the index 0 of `all`. */
  function dropAnswers(isOver: (question: Question, index: number, all: number) => boolean): void {
    const answered = [...questions].filter(([, { isUnderWay }]) => !isUnderWay);
    for (const [index, [key, question]] of answered.entries()) {
      if (isOver(question, index, answered.length)) questions.delete(key);
    }
  }

  return {
    read(channel, afterSeq, limit, least = asked + 1) {
      const key = `${channel} ${afterSeq} ${limit}`;
      const known = questions.get(key);
      if (known !== undefined && known.number >= least) return known.answer;
      const again = () => ask(key, channel, afterSeq, limit);
      if (known === undefined || !known.isUnderWay) return again();
      known.next ??= known.answer.then(again, again);
      return known.next;
    },
  };
}

/** What a stream can have of the state now: one chunk; `asking`: not yet; `done`: it has all; `lost`: the log has lost the rest. */
export type StateOffer = Uint8Array<ArrayBuffer> | 'asking' | 'done' | 'lost';

/** Sends the state of one channel to one stream, page by page, as fast as its reader takes it. */
export class StateReader {
  readonly #reads: StateReads;
  readonly #channel: string;
  readonly #filter: EventFilter | null;
  readonly #clock: Clock;
  #position: Position = positionAtEnd(null);
  /** The question for the first page: every later answer fits it. */
  #first = 0;
  #chunks: Uint8Array<ArrayBuffer>[] = [];
  /** The seq after which the next page begins; null: there is no more. */
  #nextSeq: number | null = 0;
  #state: 'ready' | 'asking' | 'lost' = 'ready';

  constructor(reads: StateReads, channel: string, filter: EventFilter | null, clock: Clock) {
    this.#reads = reads;
    this.#channel = channel;
    this.#filter = filter;
    this.#clock = clock;
  }

  /** Reads the first page. @returns where the state is true: the stream goes on from there. */
  async start(): Promise<Cursor> {
    const page = await this.#reads.read(this.#channel, 0, maxRead, 0);
    this.#first = page.question;
    this.#position = positionAtEnd(page.state);
    this.#accept(page);
    return this.positions();
  }

  /** Where the state is true. */
  positions(): Cursor {
    return new Map([[this.#channel, this.#position]]);
  }

  /** What the stream can have next. @param wake called when an offer of `asking` is over. */
  take(wake: () => void): StateOffer {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) return chunk;
    if (this.#state !== 'ready') return this.#state;
    if (this.#nextSeq === null) return 'done';
    void this.#ask(this.#nextSeq).then(wake);
    return 'asking';
  }

  async #ask(afterSeq: number): Promise<void> {
    this.#state = 'asking';
    const page = await this.#read(afterSeq);
    this.#state = page === null ? 'lost' : 'ready';
    if (page !== null) this.#accept(page);
  }

  /** The page after `afterSeq`; null: the log fails, or it has no longer what the first page was part of. */
  async #read(afterSeq: number): Promise<StatePage | null> {
    const { id, epoch } = this.#position;
    const giveUpAt = this.#clock.elapsed() + maxReplicaLagMs;
    try {
      for (;;) {
        const page = await this.#reads.read(this.#channel, afterSeq, maxRead, this.#first);
        if (page.state === null || page.state.epoch !== epoch) return null;
        if (compareEventIds(page.state.last, id) >= 0) return page;
        // A replica that is behind the first page could still have what was replaced since.
        if (this.#clock.elapsed() >= giveUpAt) return null;
        this.#first = page.question + 1;
        await new Promise<void>((resolve) => void this.#clock.after(tailTimes.staleMs, resolve));
      }
    } catch {
      return null;
    }
  }

  #accept(page: StatePage): void {
    const { events, more } = upTo(page, this.#position.id);
    const last = events.at(-1);
    this.#nextSeq = more && last !== undefined ? last.id.seq : null;
    this.#chunks = stateChunks(this.#channel, events, this.#filter);
  }
}

/**
 * The part of a page with events up to `end`, where the first page was true. What was stored later comes as an event: without
 * this, a reader of a busy channel would read page after page, for as long as subjects move to the end.
 */
export function upTo({ events, more }: StatePage, end: EventId): Pick<StatePage, 'events' | 'more'> {
  const last = events.at(-1);
  if (last === undefined || last.id.seq <= end.seq) return { events, more: more && last?.id.seq !== end.seq };
  return { events: events.filter(({ id }) => id.seq <= end.seq), more: false };
}

const encoder = new TextEncoder();

/** The frames of the state, in chunks of about `maxChunkBytes`. */
function stateChunks(
  channel: string,
  events: StatePage['events'],
  filter: EventFilter | null,
): Uint8Array<ArrayBuffer>[] {
  const known = filter === null ? shared.get(events) : undefined;
  if (known !== undefined) return [...known];
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let text = '';
  for (const event of events) {
    const { type, attributes } = event;
    if (!isWanted(filter, { type, subject: attributes?.subject ?? null })) continue;
    text += stateFrame(eventJson(channel, event));
    if (text.length < maxChunkBytes) continue;
    chunks.push(encoder.encode(text));
    text = '';
  }
  if (text !== '') chunks.push(encoder.encode(text));
  if (filter === null) shared.set(events, chunks);
  return [...chunks];
}

/** The chunks of an answer that streams share. */
const shared = new WeakMap<StatePage['events'], readonly Uint8Array<ArrayBuffer>[]>();
