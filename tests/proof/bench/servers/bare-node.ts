import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/* The floor: bare `node:http` prepares each event once and writes it to each reader. */

const readers = new Set<ServerResponse>();

function broadcast(events: readonly unknown[]): void {
  for (const event of events) {
    const frame = Buffer.from(`data: ${JSON.stringify(event)}\n\n`);
    for (const reader of readers) reader.write(frame);
  }
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
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  response.write(': hello\n\n');
  readers.add(response);
  response.on('close', () => readers.delete(response));
});
server.listen(0, '127.0.0.1', () => {
  console.log(`Local: http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
