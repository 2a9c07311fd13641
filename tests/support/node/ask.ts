import { checkNoSecret } from './secrets.ts';

/** A whole answer. */
export type Answer = { readonly status: number; readonly headers: Headers; readonly text: string };

/** Asks the app, and waits for the end of the answer, 10 s at most. No answer may tell a secret. */
export async function ask(
  app: { readonly url: string },
  path: string,
  init: RequestInit = {},
): Promise<Answer> {
  const response = await fetch(`${app.url}${path}`, { signal: AbortSignal.timeout(10_000), ...init });
  const text = await response.text();
  const headers = [...response.headers].map(([name, value]) => `${name}: ${value}\n`);
  checkNoSecret(headers.join('') + text, `the answer to ${init.method ?? 'GET'} ${path}`);
  return { status: response.status, headers: response.headers, text };
}

/** What a refusal says. @throws Error when the answer is not `application/problem+json`, or speaks of what is underneath. */
export function readProblem({ headers, text }: Answer): Readonly<Record<string, unknown>> {
  const type = headers.get('content-type');
  if (type !== 'application/problem+json; charset=utf-8') throw new Error(`no problem, but ${type}: ${text}`);
  if (underneath.test(text)) throw new Error(`a problem speaks of what is underneath: ${text}`);
  return JSON.parse(text);
}

/** Words of drivers and stacks: none is for a reader. */
const underneath =
  /ECONN|ETIMEDOUT|\bERR\b|WRONGPASS|EVAL|XADD|ioredis|127\.0\.0\.1|node_modules|\.js:|\bat \w+ \(/;
