import type { Tool } from '../../run/tools.ts';

/** The server behind a middlebox, on 127.0.0.1. */
export type Target = { readonly port: number };

/** A running middlebox. It ends with its scope (`await using`). */
export type RunningBox = AsyncDisposable & {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** From now on it passes everything on at once. */
  behave(): void;
};

/** The promise for a middlebox: what a reader behind it gets, in ms. */
export type Due = {
  /** Latest time from the start of the reader to its first event. */
  readonly firstMs: number;
  /** Latest time from publishing to arrival, once the reader knows the box. */
  readonly latestMs: number;
};

/** A thing between reader and server that does not pass on what it gets as it gets it. */
export type Middlebox = {
  /** Its name in options and figures: `blocks-2k`. */
  readonly name: string;
  /** What it does, as a verb phrase: `passes on exact blocks of 2 KiB`. */
  readonly title: string;
  /** The program that it is; null: it is written here. */
  readonly program: Tool | null;
  /** The promise. Null: no reader can get one. Even there no event may be lost or doubled. */
  readonly due: Due | null;
  /** Why `due` is not the promise of the protocol. */
  readonly why?: string;
  /** It counts what one address does, so each reader needs a box of its own. */
  readonly countsClients?: true;
  start(target: Target): Promise<RunningBox>;
};

/** The promise of the protocol: an event is shown within 5 s; the first one within 10 s, as the reader must learn first. */
export const promise: Due = { firstMs: 10_000, latestMs: 5_000 };
