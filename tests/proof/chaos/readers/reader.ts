import type { ReaderRecord } from '../oracle/recorder.ts';

/** A running reader. */
export type Reader = {
  readonly record: ReaderRecord;
  /** Its state, for the timeline: `streaming`, for example. */
  state(): string;
  /** Why it gave up for ever; null while it has not. */
  gaveUp(): string | null;
  close(): void | Promise<void>;
};

/** What a reader reads, and where from. */
export type ReaderOrder = {
  /** Its own address of the load balancer. */
  readonly url: string;
  readonly channels: readonly string[];
  /** Types it asks for; null: all. */
  readonly types: readonly string[] | null;
  readonly record: ReaderRecord;
};

/** The query of a reader's first request: it starts at the oldest event. */
export function queryOf({ channels, types }: ReaderOrder): URLSearchParams {
  const query = new URLSearchParams(channels.map((channel) => ['channel', channel]));
  for (const type of types ?? []) query.append('type', type);
  query.set('rewind', 'all');
  return query;
}
