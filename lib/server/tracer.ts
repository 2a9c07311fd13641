import type { EventId } from '../core/ids.ts';
import type { AppendResult, NewEvent } from '../log/event-log.ts';

/** Writes spans. There is one only where the process sends its telemetry somewhere: `node/telemetry.ts` makes it. */
export type Tracer = {
  /** Runs an append in a span, which ends with it. */
  publish(events: readonly NewEvent[], append: () => Promise<AppendResult>): Promise<AppendResult>;
  /**
   * The streams of a channel have got its events up to `end`.
   * @param readers how many positions are in that channel now.
   */
  delivered(channel: string, end: EventId, readers: number): void;
};

const key = Symbol.for('steadfeed.tracer');

type Holder = { [key]?: Tracer };

/** The tracer of this process; null: it sends no telemetry. Next loads its parts as separate instances of this module. */
export function findTracer(): Tracer | null {
  return (globalThis as Holder)[key] ?? null;
}

/** Makes a tracer that of the process. */
export function setTracer(tracer: Tracer): void {
  (globalThis as Holder)[key] = tracer;
}
