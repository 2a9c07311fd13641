import { type AddressInfo, createServer } from 'node:net';
import { FeedError } from '../lib/core/feed-error.ts';

/**
 * Returns `port` if no other program listens on it; for 0, any port that is free now.
 * @param host the address to check; default: every address of this machine.
 * @param option the option that chooses the port, for the error.
 * @throws FeedError `bad-request` when the port is in use, or when this process may not use it.
 */
export async function findFreePort(port: number, host?: string, option = '--port'): Promise<number> {
  const probe = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      probe.once('error', reject);
      probe.listen(port, host, resolve);
    });
  } catch (cause) {
    const isTaken = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
    const reason = isTaken ? 'is already in use' : 'cannot be used by this user';
    throw new FeedError('bad-request', `Port ${port} ${reason}. Choose another one with ${option}.`, {
      cause,
    });
  }
  const { port: found } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return found;
}
