import type { Clock } from '../../core/clock.ts';
import { checkContinuity, maxReplicaLagMs } from '../../core/continuity.ts';
import type { Cursor, Position } from '../../core/cursor.ts';
import { compareEventIds } from '../../core/ids.ts';
import { stateFrame } from '../../core/sse-frames.ts';
import { type EventLog, type LatestPage, type LogEvent, maxRead } from '../../log/event-log.ts';
import type { ReplicaWait } from '../tail/replica-wait.ts';
import { type EventFilter, eventJson, isWanted } from '../tail/ring-buffer.ts';
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

/** What reads a state: the process has one of each. */
type StateSource = { readonly states: StateReads; readonly clock: Clock; readonly replicaWait: ReplicaWait };

/** Which part of a channel's state to read: the first one; or the next one, after the seq where the part before ended. */
export type StatePlace = { readonly afterSeq: number; readonly position: Position } | null;

/** A part of a channel's state. */
export type StatePart = {
  /** Latest events of subjects, in the order of their seqs. */
  readonly events: readonly LogEvent[];
  /** Where the next part begins; null: there is none. */
  readonly next: StatePlace;
  /** Where all parts together are true: what was stored later is in none of them. */
  readonly position: Position;
  /** The channel has ended at `position`. */
  readonly hasEnded: boolean;
  readonly question: number;
};

/** A reader that may have to wait for a replica that lags. */
type Waiting = {
  /** Aborts when the reader has left. */
  readonly signal?: AbortSignal;
  /** Called before the wait. */
  readonly take: () => void;
};

const noSlot: Waiting = { take: () => undefined };

/**
 * Reads a part of a channel's state. If the log was lost since the first part, it is the first part of the new log: its
 * position is another one.
 * @param least as in `StateReads.read`.
 * @param waiting the log may lag behind the first part, and have what was replaced before it: then it is asked again.
 */
export async function readState(
  source: StateSource,
  channel: string,
  place: StatePlace,
  limit: number,
  { least, waiting = noSlot }: { readonly least?: number; readonly waiting?: Waiting } = {},
): Promise<StatePart> {
  const page = await readFresh(source, channel, place, limit, least, waiting);
  const end = positionAtEnd(page.state);
  const { epoch } = end;
  const isLost = place !== null && place.position.epoch !== null && place.position.epoch !== epoch;
  if (isLost) return readState(source, channel, null, limit, { waiting });
  const position = place === null ? end : { id: place.position.id, epoch };
  // Without the limit, a reader of a busy channel would read on for as long as subjects move to the end.
  const events = page.events.filter(({ id }) => id.seq <= position.id.seq);
  const last = events.at(-1);
  const isCut = events.length < page.events.length || last?.id.seq === position.id.seq;
  return {
    events,
    next: page.more && !isCut && last !== undefined ? { afterSeq: last.id.seq, position } : null,
    position,
    hasEnded: page.state?.ended === true && compareEventIds(position.id, end.id) === 0,
    question: page.question,
  };
}

async function readFresh(
  { states, clock, replicaWait }: StateSource,
  channel: string,
  place: StatePlace,
  limit: number,
  least: number | undefined,
  { signal, take }: Waiting,
): Promise<StatePage> {
  const startedAt = clock.elapsed();
  let newEnough = least;
  for (;;) {
    const page = await states.read(channel, place?.afterSeq ?? 0, limit, newEnough);
    const { state } = page;
    if (place === null || state === null || compareEventIds(state.last, place.position.id) >= 0) return page;
    const lag = checkContinuity({ position: place.position, state, next: null });
    const leftMs = maxReplicaLagMs - (page.askedAt - startedAt);
    if (lag.kind !== 'stale' || leftMs <= 0 || signal?.aborted) return page;
    take();
    await replicaWait.untilCaughtUp(channel, lag, leftMs, signal);
    newEnough = page.question + 1;
  }
}

/** What a stream can have of the state now: one chunk; `asking`: not yet; `done`: it has all; `lost`: the rest cannot be read. */
export type StateOffer = Uint8Array<ArrayBuffer> | 'asking' | 'done' | 'lost';

/** Sends the state of one channel to one stream, part by part, as fast as its reader takes it. */
export class StateReader {
  readonly #source: StateSource;
  readonly #channel: string;
  readonly #filter: EventFilter | null;
  #positions: Cursor = new Map();
  #chunks: Uint8Array<ArrayBuffer>[] = [];
  #next: StatePlace = null;
  /** The question for the first part: every later answer fits it. */
  #first = 0;
  #state: 'ready' | 'asking' | 'lost' = 'ready';

  constructor(source: StateSource, channel: string, filter: EventFilter | null) {
    this.#source = source;
    this.#channel = channel;
    this.#filter = filter;
  }

  /**
   * Reads the first part.
   * @param age `kept`: the answer may be about a second old; `fresh`: the log is asked.
   * @returns where the state is true: the stream goes on from there.
   */
  async start(age: 'kept' | 'fresh' = 'kept'): Promise<Cursor> {
    const least = age === 'kept' ? { least: 0 } : {};
    const part = await readState(this.#source, this.#channel, null, maxRead, least);
    this.#first = part.question;
    this.#positions = new Map([[this.#channel, part.position]]);
    this.#accept(part);
    return this.#positions;
  }

  /** Where the state is true; empty before `start`. */
  positions(): Cursor {
    return this.#positions;
  }

  /** What the stream can have next. @param wake called when an offer of `asking` is over. */
  take(wake: () => void): StateOffer {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) return chunk;
    if (this.#state !== 'ready') return this.#state;
    if (this.#next === null) return 'done';
    void this.#ask(this.#next).then(wake);
    return 'asking';
  }

  async #ask(place: NonNullable<StatePlace>): Promise<void> {
    this.#state = 'asking';
    try {
      const part = await readState(this.#source, this.#channel, place, maxRead, { least: this.#first });
      const isSame = part.position.epoch === place.position.epoch;
      this.#state = isSame ? 'ready' : 'lost';
      if (isSame) this.#accept(part);
    } catch {
      // The stream ends without a cursor: its reader comes back for the whole state, and gets the reason.
      this.#state = 'lost';
    }
  }

  #accept({ events, next }: StatePart): void {
    this.#chunks = stateChunks(this.#channel, events, this.#filter);
    this.#next = next;
  }
}

const encoder = new TextEncoder();

/** The frames of the state, in chunks of about `maxChunkBytes`. */
function stateChunks(
  channel: string,
  events: readonly LogEvent[],
  filter: EventFilter | null,
): Uint8Array<ArrayBuffer>[] {
  const [first] = events;
  const known = filter === null && first !== undefined ? shared.get(first) : undefined;
  if (known !== undefined && known.events === events.length) return [...known.chunks];
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let text = '';
  for (const event of events) {
    if (!isWanted(filter, event)) continue;
    text += stateFrame(eventJson(channel, event));
    if (text.length < maxChunkBytes) continue;
    chunks.push(encoder.encode(text));
    text = '';
  }
  if (text !== '') chunks.push(encoder.encode(text));
  if (filter === null && first !== undefined) shared.set(first, { events: events.length, chunks });
  return [...chunks];
}

/** The chunks that streams share, by the first event of an answer. */
const shared = new WeakMap<
  LogEvent,
  { readonly events: number; readonly chunks: readonly Uint8Array<ArrayBuffer>[] }
>();
