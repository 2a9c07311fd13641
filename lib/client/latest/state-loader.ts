import type { ConnectionSettings } from '../../config/client-timing.ts';
import type { Clock } from '../../core/clock.ts';
import type { Problem } from '../../core/sse-frames.ts';
import { backoffMs } from '../connection/lifecycle.ts';
import { watchPage } from '../page-lifecycle.ts';
import type { FeedQuery } from '../transport/http.ts';
import type { Refusal } from '../transport/messages.ts';
import type { Taken } from './latest-fold.ts';
import { readStatePage, type StatePage, stateAddress } from './state-page.ts';

/** What a loader needs from outside. */
export type StateLoaderPort = {
  readonly query: FeedQuery;
  readonly clock: Clock;
  readonly settings: ConnectionSettings;
  readonly fetch: typeof fetch;
  readonly getToken: (() => string | null | Promise<string | null>) | null;
  /** What the next page has to be asked with. */
  wanted(): { readonly next: string; readonly after: string | null };
  /** @param time when the server sent the page, Unix time in ms by its clock. */
  takePage(page: StatePage, time: number): Taken;
  /** After each change of `state`. */
  onChange(): void;
};

/** What a loader does. `waiting`: it tries again at `retryAt`, Unix time in ms. `refused`: only the user can go on. */
export type LoaderState =
  | { readonly kind: 'idle' | 'loading' }
  | { readonly kind: 'waiting'; readonly retryAt: number; readonly problem: Problem | null }
  | { readonly kind: 'refused'; readonly problem: Problem };

/** Time limit of one page, in ms. */
const timeoutMs = 15_000;

/** Reads the pages of a state, one after the other, and tries again after a failure. */
export class StateLoader {
  readonly #port: StateLoaderPort;
  #state: LoaderState = { kind: 'idle' };
  #run: AbortController | null = null;
  #failures = 0;
  #token: Promise<string | null> | null = null;
  /** The server has refused the token before this one. */
  #isTokenNew = false;
  #cancelRetry = () => {};
  #unwatch = () => {};

  constructor(port: StateLoaderPort) {
    this.#port = port;
  }

  get state(): LoaderState {
    return this.#state;
  }

  /** Reads the page that is wanted, and those after it. What it was doing is over. */
  start(): void {
    this.stop();
    const run = new AbortController();
    this.#run = run;
    this.#become({ kind: 'loading' });
    // A reading that is stopped again in the same turn sends nothing.
    queueMicrotask(() => void this.#load(run.signal));
  }

  stop(): void {
    this.#run?.abort();
    this.#run = null;
    this.#cancelRetry();
    this.#unwatch();
    this.#become({ kind: 'idle' });
  }

  async #load(run: AbortSignal): Promise<void> {
    for (let taken: Taken = 'more'; taken === 'more'; ) {
      if (run.aborted) return;
      const answer = await this.#ask(run);
      if (run.aborted) return;
      if (answer.kind !== 'page') return void this.#fail(answer.kind === 'refused' ? answer.refusal : null);
      this.#isTokenNew = false;
      const { clock } = this.#port;
      taken = this.#port.takePage(answer.page, Number.isNaN(answer.time) ? clock.now() : answer.time);
      if (taken === 'stale') return void this.#fail(null);
      this.#failures = 0;
    }
    this.#run = null;
    this.#become({ kind: 'idle' });
  }

  async #ask(run: AbortSignal): ReturnType<typeof readStatePage> {
    const { query, clock, fetch, getToken, wanted } = this.#port;
    const limit = new AbortController();
    const abort = () => limit.abort();
    run.addEventListener('abort', abort);
    const cancel = clock.after(timeoutMs, abort);
    try {
      this.#token ??= Promise.resolve().then(() => getToken?.() ?? null);
      const token = await this.#token;
      const { next, after } = wanted();
      const address = stateAddress(query, next, after);
      const { channels } = query;
      return await readStatePage({ address, token, channels, signal: limit.signal, fetch, now: clock.now });
    } catch (error) {
      // Only the app's `getToken` can have thrown. The next try asks it again.
      this.#token = null;
      const title = 'getToken failed';
      const detail = `${title}: ${error instanceof Error ? error.message : error}`;
      const problem = { type: 'about:blank', title, status: 401, detail };
      return { kind: 'refused', refusal: { status: 429, retryAfterMs: 1_000, problem } };
    } finally {
      cancel();
      run.removeEventListener('abort', abort);
    }
  }

  /** A page could not be read: asks for a new token, gives up, or tries again later. */
  #fail(refusal: Refusal | null): void {
    const { clock, settings, getToken } = this.#port;
    const { status = 0, problem = null, retryAfterMs = null } = refusal ?? {};
    if (status === 401 && getToken !== null && !this.#isTokenNew) {
      this.#isTokenNew = true;
      this.#token = null;
      this.start();
      return;
    }
    this.#run = null;
    // Only the feed's server explains its refusals. A filter in between may be gone tomorrow.
    if (problem !== null && (status === 400 || status === 401 || status === 403)) {
      this.#become({ kind: 'refused', problem });
      return;
    }
    this.#failures += 1;
    const waitMs = backoffMs(this.#failures, retryAfterMs, clock.random(), settings);
    this.#become({ kind: 'waiting', retryAt: Math.round(clock.now() + waitMs), problem });
    this.#waitToRetry(waitMs, retryAfterMs !== null);
  }

  /** Nobody looks at a hidden page: it waits until it is shown. @param isHeld the server has named the time: nothing comes before it. */
  #waitToRetry(waitMs: number, isHeld: boolean): void {
    let isDue = false;
    let isHidden = false;
    const goOn = () => {
      if (isDue && !isHidden) this.start();
    };
    this.#unwatch = watchPage((kind) => {
      if (kind === 'hidden' || kind === 'visible') isHidden = kind === 'hidden';
      if (kind === 'visible' || kind === 'online') isDue ||= !isHeld;
      goOn();
    });
    this.#cancelRetry = this.#port.clock.after(waitMs, () => {
      isDue = true;
      goOn();
    });
  }

  #become(state: LoaderState): void {
    this.#state = state;
    this.#port.onChange();
  }
}
