import type { Seeded } from '../../../support/seeded.ts';

/** What the network does to one request. */
export type RequestFate =
  /** The connection is reset ahead of the request. */
  | 'refuse'
  /** The app gets the request, and the client never its answer: the connection is reset. */
  | 'lose-answer'
  /** A front that has no server left answers 502; a reader that would give up for ever is reset instead. */
  | 'bad-gateway';

/** What the network does to a piece of an answer. */
export type ChunkFate =
  /** The connection ends after so many bytes of the piece, by FIN or by RST. */
  | { readonly kind: 'cut'; readonly at: number; readonly how: 'fin' | 'reset' }
  | { readonly kind: 'delay'; readonly ms: number }
  /** It comes in pieces of so many bytes. */
  | { readonly kind: 'split'; readonly bytes: number }
  /** This and all that follows comes when the fault is over. */
  | { readonly kind: 'hold' }
  /** This and all that follows never comes, and the connection is reset when the fault is over. */
  | { readonly kind: 'swallow' };

/** One thing that is wrong with the network, for as long as it is there. */
export type Storm = {
  /** Name of the fault, for the count. */
  readonly fault: string;
  request?(draw: Seeded): RequestFate | null;
  chunk?(chunk: Buffer, isStream: boolean, draw: Seeded): ChunkFate | null;
};

/** All that is wrong with the network now. */
export type Weather = {
  /** Begins a storm. @returns ends it. */
  begin(storm: Storm): () => void;
  /** Draws what happens to a request; the first storm that strikes counts. */
  request(): { readonly storm: Storm; readonly fate: RequestFate } | null;
  chunk(chunk: Buffer, isStream: boolean): { readonly storm: Storm; readonly fate: ChunkFate } | null;
  /** Calls `run` when the storm is over. */
  whenOver(storm: Storm, run: () => void): void;
};

export function createWeather(draw: Seeded): Weather {
  const storms = new Map<Storm, Set<() => void>>();
  return {
    begin(storm) {
      storms.set(storm, new Set());
      return () => {
        const waiting = storms.get(storm);
        storms.delete(storm);
        for (const run of waiting ?? []) run();
      };
    },
    request() {
      for (const storm of storms.keys()) {
        const fate = storm.request?.(draw) ?? null;
        if (fate !== null) return { storm, fate };
      }
      return null;
    },
    chunk(chunk, isStream) {
      for (const storm of storms.keys()) {
        const fate = storm.chunk?.(chunk, isStream, draw) ?? null;
        if (fate !== null) return { storm, fate };
      }
      return null;
    },
    whenOver(storm, run) {
      const waiting = storms.get(storm);
      if (waiting === undefined) run();
      else waiting.add(run);
    },
  };
}
