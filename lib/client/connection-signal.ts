import type { Page } from './read-page.ts';
import type { Refusal } from './refusal.ts';
import type { StreamFrame } from './stream-frame.ts';
import type { Told } from './tab-message.ts';

/** Everything that can happen to a connection. What concerns a stream or poll that is no longer wanted is ignored. */
export type Signal =
  | { readonly kind: 'sent'; readonly stream: number }
  | { readonly kind: 'bytes'; readonly stream: number }
  | { readonly kind: 'frame'; readonly stream: number; readonly frame: StreamFrame }
  | { readonly kind: 'refused'; readonly stream: number; readonly refusal: Refusal }
  | { readonly kind: 'ended'; readonly stream: number }
  | { readonly kind: 'cut'; readonly stream: number }
  | { readonly kind: 'polled'; readonly poll: number; readonly page: Page }
  | { readonly kind: 'pollRefused'; readonly poll: number; readonly refusal: Refusal }
  | { readonly kind: 'pollCut'; readonly poll: number }
  | { readonly kind: 'heard'; readonly told: Told }
  /** This tab reads itself. `isHandover`: it takes over from one that reads on meanwhile. */
  | { readonly kind: 'lead'; readonly isHandover: boolean }
  | PlainSignal;

/** Signals without more to say. */
export type PlainSignal = {
  readonly kind: /** The caller starts a poll, if one is due. */
    | 'pollDue'
    /** Some deadline may have passed. */
    | 'timer'
    /** The machine slept: sockets may be dead without knowing it. */
    | 'woke'
    | 'online'
    | 'offline'
    | 'visible'
    | 'hidden'
    /** The page goes into, or comes out of, the back/forward cache. */
    | 'frozen'
    | 'restored'
    | 'enabled'
    | 'disabled'
    /** The reader's own wish to try now. */
    | 'retry'
    /** Another tab reads for this one. */
    | 'follow'
    | 'close';
};
