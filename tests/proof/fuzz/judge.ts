import { tmpdir } from 'node:os';
import { root } from '../../support/root.ts';
import type { Answer } from './answer-reader.ts';
import type { TimedAnswer } from './exchange.ts';
import type { ExpectedAnswer, Route } from './plan.ts';
import { fuzzSecrets } from './secrets.ts';

/** What is wrong with an answer; empty if nothing is. */
export function judge(expected: ExpectedAnswer, answer: TimedAnswer): readonly string[] {
  const { withinMs } = expected;
  const faults = [
    ...faultsOfText(expected, answer),
    ...faultsOfStatus(expected, answer),
    ...faultsOfForm(expected, answer),
  ];
  if (answer.tookMs > withinMs)
    faults.push(`it took ${Math.round(answer.tookMs)} ms; the limit is ${withinMs}`);
  return faults;
}

/** Whether Node's parser answered before our code ran: a status without a body. */
export function isOfParser({ status, headers, body }: TimedAnswer): boolean {
  return [400, 408, 413, 417, 431].includes(status) && body === '' && !headers.has('content-type');
}

const stack = /node_modules|node:internal|\bat (?:\S+ )?\(?\S+:\d+:\d+|\.[jt]s:\d+|SQLITE|ECONN/;

/** Checks what no answer may say, from our code or from the framework. */
function faultsOfText({ namesHost }: ExpectedAnswer, { headers, body }: TimedAnswer): string[] {
  const text = `${[...headers].map(([name, value]) => `${name}: ${value}\n`).join('')}${body}`;
  const faults: string[] = [];
  if (Object.values(fuzzSecrets).some((secret) => text.includes(secret))) faults.push('it shows a secret');
  if (text.includes(root) || text.includes(`${tmpdir()}/`)) faults.push('it shows a path of the machine');
  const leadsTo = headers.get('location');
  if (leadsTo !== undefined && !namesHost && !isHere(leadsTo))
    faults.push(`it redirects to another host: ${leadsTo}`);
  if (stack.test(text)) faults.push('it shows internals: a stack, a module or a driver');
  return faults;
}

/** Whether a browser that follows this redirect stays on our server. */
function isHere(location: string): boolean {
  const base = 'http://127.0.0.1';
  return !URL.canParse(location, base) || new URL(location, base).hostname === '127.0.0.1';
}

function faultsOfStatus(expected: ExpectedAnswer, answer: TimedAnswer): string[] {
  const { status, headers } = answer;
  if (status === 503 && headers.has('retry-after')) return [];
  if (status >= 500 && !expected.statuses?.includes(status)) return [`${status} is a failure of the server`];
  if (expected.statuses === null || expected.statuses.includes(status)) return [];
  const mayBeRefused = expected.statuses.some((each) => each >= 400);
  if (mayBeRefused && isOfParser(answer)) return [];
  return [`the status is ${status}; right are ${expected.statuses.join(', ')}`];
}

/** Checks the form of answers by our routes. Answers by the framework have no form that we could check. */
function faultsOfForm(expected: ExpectedAnswer, answer: TimedAnswer): readonly string[] {
  const { status, isWhole } = answer;
  if (!isOurs(expected.route) || expected.method === 'HEAD' || isOfParser(answer)) return [];
  // If the client left early, the end may be missing.
  if (!isWhole && expected.route !== 'stream') return [];
  if (status >= 400) return isWhole ? faultsOfProblem(answer) : [];
  if (status === 204) return answer.body === '' ? [] : ['a 204 has a body'];
  return status === 200 ? faultsOfSuccess(expected, answer) : [];
}

function isOurs(route: Route): boolean {
  return route === 'events' || route === 'stream' || route === 'health';
}

function faultsOfSuccess({ route, method }: ExpectedAnswer, { headers, body }: TimedAnswer): string[] {
  const type = headers.get('content-type') ?? '';
  if (method !== 'GET') return [];
  if (route === 'stream') return type.startsWith('text/event-stream') ? [] : [`a stream came as "${type}"`];
  if (!type.startsWith('application/json')) return [`JSON came as "${type}"`];
  const value = parse(body);
  const isPage = route !== 'events' || (Array.isArray(value?.events) && typeof value.cursor === 'string');
  return value === null || !isPage ? [`not what the contract says: ${body.slice(0, 200)}`] : [];
}

/** The parts of a request that a refusal may name. */
const part =
  /\b(?:body|query|events?|line \d+|data|channel|type|subject|latest|remove|ttlSeconds|end|after|before|limit|wait|rewind|heartbeat|Last-Event-ID|lastEventId|content-type|Idempotency-Key|key|token|Authorization|allowed here|streams|log)\b/i;

/** What is wrong with a refusal by our code. It must be a problem that names the part, and no cache may keep it. */
function faultsOfProblem({ status, headers, body }: Answer): readonly string[] {
  const type = headers.get('content-type');
  if (type !== 'application/problem+json; charset=utf-8')
    return [`${status} came as "${type}", not as a problem`];
  const problem = parse(body);
  if (problem === null) return [`a problem is not JSON: ${body.slice(0, 200)}`];
  const faults: string[] = [];
  const { type: name, title, status: statedStatus, detail } = problem;
  if (typeof name !== 'string' || !name.startsWith('urn:')) faults.push('a problem has no type');
  if (typeof title !== 'string' || title === '') faults.push('a problem has no title');
  if (statedStatus !== status) faults.push(`a problem of ${status} says ${statedStatus}`);
  if (typeof detail !== 'string' || !part.test(detail)) faults.push(`a detail names no part: ${detail}`);
  else if (detail.length > 1_000) faults.push(`a detail has ${detail.length} characters`);
  if (headers.get('cache-control') !== 'private, no-store') faults.push('a refusal may be kept');
  return faults;
}

function parse(body: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? { ...value } : null;
  } catch {
    // The caller reports an unreadable body as a fault.
    return null;
  }
}
