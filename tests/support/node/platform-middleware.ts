import { type IncomingHttpHeaders, type IncomingMessage, request as openRequest } from 'node:http';

/** The changes that a middleware makes to a request that it lets pass. Header names are in lower case. */
export type Passed = {
  /** Headers to set on the request. */
  readonly request: Readonly<Record<string, string>>;
  /** Headers to set on the answer. */
  readonly answer: Readonly<Record<string, string>>;
};

/** Headers of the connection between the middleware and this module. They do not belong to the answer. */
const connectionHeaders = new Set([
  'connection',
  'content-length',
  'date',
  'keep-alive',
  'transfer-encoding',
]);

const requestPrefix = 'x-middleware-request-';

/**
 * Sends a request to an instance of a middleware and reads its answer as the platform does: headers with a prefix are
 * the headers to set on the request.
 * @throws Error if it does not let the request pass: this platform does not simulate that.
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
  const headersBy = (named: (name: string) => string | null) =>
    Object.fromEntries(
      Object.entries(answer).flatMap(([name, value]) => {
        const target = named(name);
        return target === null ? [] : [[target, String(value)]];
      }),
    );
  return {
    request: headersBy((name) => (name.startsWith(requestPrefix) ? name.slice(requestPrefix.length) : null)),
    answer: headersBy((name) => (/^x-middleware-/.test(name) || connectionHeaders.has(name) ? null : name)),
  };
}
