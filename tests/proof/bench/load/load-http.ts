import { Agent, request as send } from 'node:http';
import type { Target } from './load-orders.ts';

/* Requests of the load client that are answered and over. */

const agent = new Agent({ keepAlive: true });

/** Publishes. @throws Error when it is not answered 201. */
export function post({ port, publishPath, publishHeaders }: Target, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      ...publishHeaders,
    };
    const request = send(
      { agent, port, host: '127.0.0.1', path: publishPath, method: 'POST', headers },
      (response) => {
        response.resume();
        response.on('end', () =>
          response.statusCode === 201 ? resolve() : reject(new Error(`publishing: ${response.statusCode}`)),
        );
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

/** Asks; gives each piece of the body to `onChunk` as it comes. @throws Error when it is answered neither 200 nor 304. */
export function ask(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>>,
  onChunk: (chunk: Buffer) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = send({ agent, port, host: '127.0.0.1', path, headers }, (response) => {
      response.on('data', onChunk);
      response.on('end', () => {
        if (response.statusCode === 200 || response.statusCode === 304) resolve();
        else reject(new Error(`${path}: ${response.statusCode}`));
      });
    });
    request.on('error', reject);
    request.end();
  });
}
