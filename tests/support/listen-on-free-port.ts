import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';

/** Lets a server listen on a free port of 127.0.0.1. @returns the port. */
export function listenOnFreePort(server: Server): Promise<number> {
  return listenOnPort(server, 0);
}

/** Lets a server listen on a port of 127.0.0.1; 0 means any free one. @returns the port. */
export async function listenOnPort(server: Server, port: number): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
