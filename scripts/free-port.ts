import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { FeedError } from '../lib/core/feed-error.ts';

/** Ports that no common system gives to a connection by itself. Browsers and `fetch` refuse none of them. */
const lowest = 20_000;
const highest = 32_767;

/** The ports that this process was told are free: the one who asked may not listen yet. */
const given = new Set<number>();

/**
 * Returns `port` if no other program listens on it; for 0, any port that is free now, each time
 * another one. It stays free until the caller's server listens, unless another program asks for this very port.
 * @param host the address to check; default: every address of this machine.
 * @param option the option that chooses the port, for the error.
 * @throws FeedError `bad-request` when the port is in use, or when this process may not use it.
 */
export async function findFreePort(port: number, host?: string, option = '--port'): Promise<number> {
  if (port === 0) return findAnyFreePort(host);
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
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

async function findAnyFreePort(host?: string): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = randomInt(lowest, highest + 1);
    if (given.has(port)) continue;
    given.add(port);
    const isFree = await findFreePort(port, host).then(
      () => true,
      () => false,
    );
    if (isFree) return port;
  }
  throw new FeedError(
    'internal-error',
    `No free port was found from ${lowest} to ${highest}. End programs that you do not need.`,
  );
}
