import type { Seeded } from '../../../support/seeded.ts';

/** What a fault does to one request. */
export type RequestFate =
  /** The connection is reset before the request. */
  | 'refuse'
  /** The app gets the request, but the client gets no answer: the connection is reset. */
  | 'lose-answer'
  /** The load balancer answers 502. A native EventSource would give up for ever, so its connection is reset instead. */
  | 'bad-gateway';

/** What a fault does to one chunk of an answer. */
export type ChunkFate =
  /** The connection ends after `at` bytes of the chunk, by FIN or by RST. */
  | { readonly kind: 'cut'; readonly at: number; readonly how: 'fin' | 'reset' }
  | { readonly kind: 'delay'; readonly ms: number }
  /** The chunk arrives in pieces of `bytes` bytes. */
  | { readonly kind: 'split'; readonly bytes: number }
  /** This chunk and all later ones arrive when the fault ends. */
  | { readonly kind: 'hold' }
  /** This chunk and all later ones never arrive, and the connection is reset when the fault ends. */
  | { readonly kind: 'swallow' };

/** An active fault of the network. */
export type NetworkFault = {
  /** The name of the fault, for the statistics. */
  readonly fault: string;
  request?(draw: Seeded): RequestFate | null;
  chunk?(chunk: Buffer, isStream: boolean, draw: Seeded): ChunkFate | null;
};

/** All active faults of the network. */
export type FaultyNetwork = {
  /** Starts a fault. @returns a function that ends it. */
  begin(networkFault: NetworkFault): () => void;
  /** Decides what happens to a request; the first fault that strikes it counts. */
  request(): { readonly networkFault: NetworkFault; readonly fate: RequestFate } | null;
  chunk(
    chunk: Buffer,
    isStream: boolean,
  ): { readonly networkFault: NetworkFault; readonly fate: ChunkFate } | null;
  /** Calls `run` when the fault ends. */
  whenOver(networkFault: NetworkFault, run: () => void): void;
};

export function createFaultyNetwork(draw: Seeded): FaultyNetwork {
  const activeFaults = new Map<NetworkFault, Set<() => void>>();
  return {
    begin(networkFault) {
      activeFaults.set(networkFault, new Set());
      return () => {
        const waiting = activeFaults.get(networkFault);
        activeFaults.delete(networkFault);
        for (const run of waiting ?? []) run();
      };
    },
    request() {
      for (const networkFault of activeFaults.keys()) {
        const fate = networkFault.request?.(draw) ?? null;
        if (fate !== null) return { networkFault, fate };
      }
      return null;
    },
    chunk(chunk, isStream) {
      for (const networkFault of activeFaults.keys()) {
        const fate = networkFault.chunk?.(chunk, isStream, draw) ?? null;
        if (fate !== null) return { networkFault, fate };
      }
      return null;
    },
    whenOver(networkFault, run) {
      const waiting = activeFaults.get(networkFault);
      if (waiting === undefined) run();
      else waiting.add(run);
    },
  };
}
