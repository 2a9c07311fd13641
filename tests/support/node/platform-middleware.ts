import { type IncomingHttpHeaders, type IncomingMessage, request as openRequest } from 'node:http';

/** What a middleware that lets a request pass wants changed. Header names in small letters. */
export type Passed = {
  /** Headers of the request, for whoever answers it. */
  readonly request: Readonly<Record<string, string>>;
  /** Headers of the answer. */
  readonly answer: Readonly<Record<string, string>>;
};

/** Headers of the way from the middleware to here. */
const ofTheWay = new Set(['connection', 'content-length', 'date', 'keep-alive', 'transfer-encoding']);

const requestPrefix = 'x-middleware-request-';

/**
 * Asks an instance of a middleware about a request, and reads its answer as the platform does: what it sets on the
 * request comes by headers with a prefix.
 * @throws Error when it does not let the request pass: that is not simulated.
 */
export async function askMiddleware(
  port: number,
  { method, url, headers }: IncomingMessage,
): Promise<Passed> {
  const answer = await new Promise<IncomingHttpHeaders>((resolve, reject) => {
    const { connection: _, ...rest } = headers;
    const asked = openRequest({ port, host: '127.0.0.1', agent: false, method, path: url, headers: rest });
    asked.on('error', reject);
    asked.on('response', (response) => response.resume().on('end', () => resolve(response.headers)));
    asked.end();
  });
  if (answer['x-middleware-next'] !== '1') throw new Error('the middleware does not let the request pass');
  const set = (named: (name: string) => string | null) =>
    Object.fromEntries(
      Object.entries(answer).flatMap(([name, value]) => {
        const target = named(name);
        return target === null ? [] : [[target, String(value)]];
      }),
    );
  return {
    request: set((name) => (name.startsWith(requestPrefix) ? name.slice(requestPrefix.length) : null)),
    answer: set((name) => (/^x-middleware-/.test(name) || ofTheWay.has(name) ? null : name)),
  };
}
