import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';

/* The library better-sse on `node:http`, which broadcasts each event to one channel. */

type BetterSse = {
  createSession(request: IncomingMessage, response: ServerResponse): Promise<object>;
  createChannel(): { register(session: object): unknown; broadcast(data: unknown): unknown };
};

const [, , peers = ''] = process.argv;
const { createSession, createChannel } = createRequire(`${peers}/`)('better-sse') as BetterSse;
const channel = createChannel();

function broadcast(events: readonly unknown[]): void {
  for (const event of events) channel.broadcast(event);
}

Object.assign(globalThis, { [Symbol.for('bench.broadcast')]: broadcast });

const server = createServer(async (request, response) => {
  if (request.method === 'POST') {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    broadcast(JSON.parse(Buffer.concat(parts).toString()));
    response.writeHead(201).end();
    return;
  }
  const session = await createSession(request, response);
  channel.register(session);
  response.write(': hello\n\n');
});
server.listen(0, '127.0.0.1', () => {
  console.log(`Local: http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
