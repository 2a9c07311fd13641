import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { FeedError } from '../lib/core/feed-error.ts';

/**
 * Gives `port` back when nobody listens on it, on any address; for 0, a port on which nobody listens.
 * @throws FeedError `bad-request` when it is taken, or not to be had.
 */
export async function findFreePort(port: number): Promise<number> {
  const probe = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      probe.once('error', reject);
      probe.listen(port, resolve);
    });
  } catch (cause) {
    const isTaken = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
    const reason = isTaken ? 'is taken' : 'cannot be used';
    throw new FeedError(
      'bad-request',
      `port ${port} ${reason}; choose another: npm run demo -- --port 3001`,
      {
        cause,
      },
    );
  }
  const { port: found } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return found;
}
