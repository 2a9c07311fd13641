import type { ReaderRecord } from '../oracle/recorder.ts';

/** A reader that runs. */
export type Reader = {
  readonly record: ReaderRecord;
  /** What it says of itself, for a timeline: `streaming`, for example. */
  state(): string;
  /** Why it has given up for good; null while it has not. */
  gaveUp(): string | null;
  close(): void | Promise<void>;
};

/** What a reader reads. */
export type ReaderOrder = {
  /** Origin of its own way to the app. */
  readonly url: string;
  readonly channels: readonly string[];
  /** Types it asks for; null: all. */
  readonly types: readonly string[] | null;
  readonly record: ReaderRecord;
};

/** The query of a reader's requests, without a cursor: it begins with the oldest event kept. */
export function queryOf({ channels, types }: ReaderOrder): URLSearchParams {
  const query = new URLSearchParams(channels.map((channel) => ['channel', channel]));
  for (const type of types ?? []) query.append('type', type);
  query.set('rewind', 'all');
  return query;
}
