import type { Seeded } from '../../../support/seeded.ts';
import type { ChunkFate, RequestFate } from '../network/faulty-network.ts';
import { type Fault, type FaultTargets, lasting } from './fault.ts';

/** The share of chunks that a fault cuts. With this share a stream lives for some seconds. */
const cutShare = 0.06;

type Struck = (chunk: Buffer, isStream: boolean, draw: Seeded) => ChunkFate | null;

/** A network fault that strikes answers. */
function onChunks(name: string, reach: Fault['reach'], strikes: Struck): Fault {
  return {
    ...{ name, part: null, seconds: [2, 8], reach },
    async inject({ network }, { fault, forMs }) {
      const end = network.begin({ fault, chunk: strikes });
      await lasting(forMs);
      end();
    },
  };
}

/** A network fault that strikes requests. */
function onRequests(name: string, share: number, fate: RequestFate): Fault {
  return {
    ...{ name, part: null, seconds: [1, 4], reach: 'cut' },
    async inject({ network }: FaultTargets, { fault, forMs }) {
      const end = network.begin({ fault, request: (draw) => (draw.chance(share) ? fate : null) });
      await lasting(forMs);
      end();
    },
  };
}

/** The ends of the frames in a chunk, each after its empty line. */
function frameEnds(chunk: Buffer): readonly number[] {
  const ends: number[] = [];
  for (let at = chunk.indexOf('\n\n'); at >= 0; at = chunk.indexOf('\n\n', at + 2)) ends.push(at + 2);
  return ends;
}

/** Faults between readers and the app. */
export const networkFaults: readonly Fault[] = [
  onChunks('connection closed after a frame (FIN)', 'cut', (chunk, isStream, draw) => {
    if (!isStream || !draw.chance(cutShare)) return null;
    const ends = frameEnds(chunk);
    return ends.length === 0 ? null : { kind: 'cut', at: draw.pick(ends), how: 'fin' };
  }),
  onChunks('connection closed inside a frame (FIN)', 'cut', (chunk, isStream, draw) => {
    if (!isStream || !draw.chance(cutShare)) return null;
    const at = draw.whole(1, chunk.length - 1);
    return frameEnds(chunk).includes(at) ? null : { kind: 'cut', at, how: 'fin' };
  }),
  onChunks('connection reset at any byte (RST)', 'cut', (chunk, _isStream, draw) =>
    draw.chance(cutShare) ? { kind: 'cut', at: draw.whole(0, chunk.length), how: 'reset' } : null,
  ),
  onChunks('answers and streams cut before their first byte', 'cut', (chunk, isStream, draw) => {
    const isFirst = !isStream || chunk[0] === 58;
    return isFirst && draw.chance(0.3) ? { kind: 'cut', at: 0, how: draw.pick(['fin', 'reset']) } : null;
  }),
  onChunks('half-open connections: silence, then a reset', 'all', (_chunk, _isStream, draw) =>
    draw.chance(0.05) ? { kind: 'swallow' } : null,
  ),
  onChunks('silence, then everything at once', 'all', (_chunk, _isStream, draw) =>
    draw.chance(0.1) ? { kind: 'hold' } : null,
  ),
  {
    ...onChunks('a proxy that buffers streams', 'all', (_chunk, isStream) =>
      isStream ? { kind: 'hold' } : null,
    ),
    seconds: [5, 10],
  },
  onChunks('slow network: up to 1.5 s for each chunk', 'all', (_chunk, _isStream, draw) =>
    draw.chance(0.5) ? { kind: 'delay', ms: draw.whole(10, 1_500) } : null,
  ),
  onChunks('answers arrive a few bytes at a time', 'all', (chunk, _isStream, draw) =>
    chunk.length < 4_000 && draw.chance(0.2) ? { kind: 'split', bytes: draw.whole(1, 40) } : null,
  ),
  onRequests('connections refused', 0.7, 'refuse'),
  onRequests('answers lost after the server handled the request', 0.5, 'lose-answer'),
  onRequests('the load balancer answers 502', 0.7, 'bad-gateway'),
];
