import { checkNoSecret } from './secrets.ts';

/** A complete answer. */
export type Answer = { readonly status: number; readonly headers: Headers; readonly text: string };

/** Sends a request to the app and reads the complete answer, within 30 s. No answer may contain a secret. */
export async function ask(
  app: { readonly url: string },
  path: string,
  init: RequestInit = {},
): Promise<Answer> {
  const response = await fetch(`${app.url}${path}`, { signal: AbortSignal.timeout(30_000), ...init });
  const text = await response.text();
  const headers = [...response.headers].map(([name, value]) => `${name}: ${value}\n`);
  checkNoSecret(headers.join('') + text, `the answer to ${init.method ?? 'GET'} ${path}`);
  return { status: response.status, headers: response.headers, text };
}

/** The problem in a refusal. @throws Error if the answer is not `application/problem+json`, or shows internals. */
export function readProblem({ headers, text }: Answer): Readonly<Record<string, unknown>> {
  const type = headers.get('content-type');
  if (type !== 'application/problem+json; charset=utf-8')
    throw new Error(`expected a problem, got ${type}: ${text}`);
  if (internals.test(text)) throw new Error(`a problem shows internals of the server: ${text}`);
  return JSON.parse(text);
}

/** Words of drivers and stack traces. They must not reach a client. */
const internals =
  /ECONN|ETIMEDOUT|\bERR\b|WRONGPASS|EVAL|XADD|ioredis|127\.0\.0\.1|node_modules|\.js:|\bat \w+ \(/;
