/** A `fetch` with faults that can be switched on, to watch a feed survive them. */
export type FaultyFetch = {
  readonly fetch: typeof fetch;
  /** Cuts every open request of the feed, as a network failure would. */
  cut(): void;
  /** While streams are blocked none of their bytes arrive, as behind a proxy that buffers. Polls pass. */
  blockStreams(isBlocked: boolean): void;
};

/** @param realFetch sends the requests. */
export function createFaultyFetch(realFetch: typeof fetch): FaultyFetch {
  const openRequests = new Set<AbortController>();
  let isBlocked = false;
  const cut = () => {
    for (const request of openRequests) request.abort(new TypeError('cut by the fault buttons'));
    openRequests.clear();
  };

  const faultyFetch: typeof fetch = async (input, init) => {
    const request = new AbortController();
    openRequests.add(request);
    const signals = init?.signal ? [init.signal, request.signal] : [request.signal];
    const signal = AbortSignal.any(signals);
    init?.signal?.addEventListener('abort', () => openRequests.delete(request), { once: true });
    if (isBlocked && isStream(input)) return rejectOnAbort(signal);
    return realFetch(input, { ...init, signal });
  };

  return {
    fetch: faultyFetch,
    cut,
    blockStreams(isOn) {
      isBlocked = isOn;
      cut();
    },
  };
}

function isStream(input: string | URL | Request): boolean {
  return String(input instanceof Request ? input.url : input).includes('/api/stream');
}

/** Never resolves; rejects when `signal` aborts. */
function rejectOnAbort(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  if (signal.aborted) reject(signal.reason);
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  return promise;
}
