import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { findFreePort } from '../../scripts/free-port.ts';
import { listenOnFreePort } from '../support/listen-on-free-port.ts';

/** The lowest port that a system gives to a connection by itself: 32,768 on Linux, 49,152 on macOS and Windows. */
const lowestOfTheSystem = 32_768;

test('ports that are free differ from each other, and no connection gets one by itself before a server listens', async () => {
  const ports = await Promise.all(Array.from({ length: 50 }, () => findFreePort(0, '127.0.0.1')));

  expect(new Set(ports).size).toBe(50);
  expect(ports.filter((port) => port >= lowestOfTheSystem || port < 20_000)).toEqual([]);
});

test('a port that another program uses is refused, with the option that chooses another one', async () => {
  const server = createServer();
  const port = await listenOnFreePort(server);

  await expect(findFreePort(port, '127.0.0.1', '--redis-port')).rejects.toThrow(
    `Port ${port} is already in use. Choose another one with --redis-port.`,
  );
  server.close();
});
