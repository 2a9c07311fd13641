import type { ServerResponse } from 'node:http';
import type { ChunkFate, FaultyNetwork, NetworkFault } from './faulty-network.ts';

/** Passes the bytes of one answer to its client, through the active faults. */
export type Wire = {
  /** Passes a chunk on. @returns false while the client takes no more. */
  write(chunk: Buffer): boolean;
  /** The answer is complete. */
  end(): void;
  /** The connection to the app broke. */
  break(): void;
};

export type WireOptions = {
  readonly outgoing: ServerResponse;
  readonly isStream: boolean;
  readonly network: FaultyNetwork;
  /** Called when a fault ends the connection. */
  readonly onCut: (networkFault: NetworkFault) => void;
};

export function createWire({ outgoing, isStream, network, onCut }: WireOptions): Wire {
  /** Work in order, so that bytes never overtake each other. */
  let queue: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  let isDead = false;
  /** The chunks that a fault holds back. `isLost`: they never arrive. */
  let held: { readonly chunks: Buffer[]; readonly isLost: boolean } | null = null;
  let ending: (() => void) | null = null;

  const inTurn = (act: () => unknown) => {
    waiting += 1;
    queue = queue.then(act).then(() => {
      waiting -= 1;
    });
  };

  function cut(how: 'fin' | 'reset', networkFault: NetworkFault): void {
    if (isDead) return;
    isDead = true;
    onCut(networkFault);
    const { socket } = outgoing;
    if (how === 'reset') socket?.resetAndDestroy();
    // The written bytes go out first, and no last chunk follows them.
    else setImmediate(() => socket?.end(() => socket.destroy()));
  }

  function deliver(chunk: Buffer): boolean {
    return isDead || outgoing.destroyed || outgoing.write(chunk);
  }

  function hold(networkFault: NetworkFault, first: Buffer, isLost: boolean): void {
    held = { chunks: [first], isLost };
    network.whenOver(networkFault, () => {
      const { chunks } = held ?? { chunks: [] };
      held = null;
      if (isLost) return cut('reset', networkFault);
      for (const chunk of chunks) inTurn(() => deliver(chunk));
      if (ending !== null) inTurn(ending);
    });
  }

  function suffer(chunk: Buffer, fate: ChunkFate, networkFault: NetworkFault): boolean {
    switch (fate.kind) {
      case 'cut':
        inTurn(() => {
          deliver(chunk.subarray(0, fate.at));
          cut(fate.how, networkFault);
        });
        return true;
      case 'delay':
        inTurn(() => new Promise((resolve) => setTimeout(resolve, fate.ms)).then(() => deliver(chunk)));
        return true;
      case 'split':
        for (let at = 0; at < chunk.length; at += fate.bytes) {
          inTurn(() => deliver(chunk.subarray(at, at + fate.bytes)));
          inTurn(() => new Promise((resolve) => setImmediate(resolve)));
        }
        return true;
      case 'hold':
        hold(networkFault, chunk, false);
        return true;
      case 'swallow':
        hold(networkFault, chunk, true);
        return true;
    }
  }

  return {
    write(chunk) {
      if (isDead) return true;
      if (held !== null) {
        if (!held.isLost) held.chunks.push(chunk);
        return true;
      }
      const struck = network.chunk(chunk, isStream);
      if (struck !== null) return suffer(chunk, struck.fate, struck.networkFault);
      if (waiting === 0) return deliver(chunk);
      inTurn(() => deliver(chunk));
      return true;
    },
    end() {
      const finish = () => void (isDead || outgoing.end());
      if (held === null) inTurn(finish);
      else ending = finish;
    },
    break() {
      const fail = () => void (isDead || outgoing.destroy());
      if (held === null) inTurn(fail);
      else ending = fail;
    },
  };
}
