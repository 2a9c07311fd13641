import { useState } from 'react';
import styles from './fault-injection.module.css';

/** In development: cuts the connection, or holds streams back, in this browser alone. */
export function DisturbButtons({ disturbed }: { readonly disturbed: DisturbedFetch }) {
  const [isBlocked, setBlocked] = useState(false);
  const toggle = () => {
    disturbed.block(!isBlocked);
    setBlocked(!isBlocked);
  };
  return (
    <fieldset className={styles.disturb}>
      <legend className={styles.legend}>In development only</legend>
      <button className={styles.button} onClick={disturbed.cut} type="button">
        Cut
      </button>
      <button aria-pressed={isBlocked} className={styles.button} onClick={toggle} type="button">
        Block streaming
      </button>
    </fieldset>
  );
}

/** A `fetch` for development that can be disturbed, so that one can see a feed survive it. */
type DisturbedFetch = {
  readonly fetch: typeof fetch;
  /** Cuts every request of the feed that is open, as a network would. */
  cut(): void;
  /** While blocked no byte of a stream arrives, as behind a proxy that holds them back. Polls pass. */
  block(isBlocked: boolean): void;
};

/** @param ask what really fetches. */
export function createDisturbedFetch(ask: typeof fetch): DisturbedFetch {
  const open = new Set<AbortController>();
  let isBlocked = false;
  const cut = () => {
    for (const each of open) each.abort(new TypeError('cut by hand'));
    open.clear();
  };

  const disturbed: typeof fetch = async (input, init) => {
    const cutting = new AbortController();
    open.add(cutting);
    const signals = init?.signal ? [init.signal, cutting.signal] : [cutting.signal];
    const signal = AbortSignal.any(signals);
    init?.signal?.addEventListener('abort', () => open.delete(cutting), { once: true });
    if (isBlocked && isStream(input)) return untilAborted(signal);
    return ask(input, { ...init, signal });
  };

  return {
    fetch: disturbed,
    cut,
    block(next) {
      isBlocked = next;
      cut();
    },
  };
}

function isStream(input: string | URL | Request): boolean {
  return String(input instanceof Request ? input.url : input).includes('/api/stream');
}

function untilAborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  if (signal.aborted) reject(signal.reason);
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  return promise;
}
