import { Agent, request as send } from 'node:http';
import type { Target } from './load-orders.ts';

/* The short requests of the load client. */

const agent = new Agent({ keepAlive: true });

/**
 * Publishes. It sends the request again if the server has just closed the kept connection, as HTTP clients do.
 * @throws Error if the answer is neither 201 nor 200.
 */
export async function post(target: Target, body: string): Promise<void> {
  while (!(await tryToPost(target, body)));
}

/** @returns false if the connection that was kept from an earlier request was closed meanwhile. */
function tryToPost({ port, publishPath, publishHeaders }: Target, body: string): Promise<boolean> {
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
          response.statusCode === 201 || response.statusCode === 200
            ? resolve(true)
            : reject(new Error(`publishing: ${response.statusCode}`)),
        );
      },
    );
    request.on('error', (error: NodeJS.ErrnoException) => {
      if (request.reusedSocket && error.code === 'ECONNRESET') resolve(false);
      else reject(error);
    });
    request.end(body);
  });
}

/** Sends a GET and passes each chunk of the body to `onChunk`. @throws Error if the answer is neither 200 nor 304. */
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
