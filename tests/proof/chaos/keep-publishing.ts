import { setTimeout as sleep } from 'node:timers/promises';
import type { Seeded } from '../../support/seeded.ts';

/**
 * Publishes again and again, with pauses of chance between requests.
 * @param pauseMs mean pause, in ms.
 * @param publish sends one request, and resolves when it is acknowledged.
 * @returns stops it, and resolves when the request under way has been acknowledged.
 */
export function keepPublishing(
  draw: Seeded,
  pauseMs: number,
  publish: () => Promise<void>,
): () => Promise<void> {
  let isStopped = false;
  const run = async (): Promise<void> => {
    while (!isStopped) {
      await publish();
      await sleep(draw.next() * 2 * pauseMs);
    }
  };
  const running = run();
  return () => {
    isStopped = true;
    return running;
  };
}
