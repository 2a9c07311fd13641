import { tmpdir } from 'node:os';
import { root } from '../../support/root.ts';
import type { Answer } from './answer-reader.ts';
import type { TimedAnswer } from './exchange.ts';
import type { Ask, Route } from './plan.ts';
import { fuzzSecrets } from './secrets.ts';

/** What is wrong with an answer, each in words; nothing where it is as it must be. */
export function judge(ask: Ask, answer: TimedAnswer): readonly string[] {
  const { withinMs } = ask;
  const faults = [...faultsOfText(ask, answer), ...faultsOfStatus(ask, answer), ...faultsOfForm(ask, answer)];
  if (answer.tookMs > withinMs)
    faults.push(`it took ${Math.round(answer.tookMs)} ms; allowed are ${withinMs}`);
  return faults;
}

/** Whether Node's parser has answered, ahead of any code of ours: a bare status without a body. */
export function isOfParser({ status, headers, body }: TimedAnswer): boolean {
  return [400, 408, 413, 417, 431].includes(status) && body === '' && !headers.has('content-type');
}

const stack = /node_modules|node:internal|\bat (?:\S+ )?\(?\S+:\d+:\d+|\.[jt]s:\d+|SQLITE|ECONN/;

/** What no answer says, ours or the framework's. */
function faultsOfText({ namesHost }: Ask, { headers, body }: TimedAnswer): string[] {
  const text = `${[...headers].map(([name, value]) => `${name}: ${value}\n`).join('')}${body}`;
  const faults: string[] = [];
  if (Object.values(fuzzSecrets).some((secret) => text.includes(secret))) faults.push('it tells a secret');
  if (text.includes(root) || text.includes(`${tmpdir()}/`)) faults.push('it tells a path of the machine');
  const leadsTo = headers.get('location');
  if (leadsTo !== undefined && !namesHost && !isHere(leadsTo)) faults.push(`it leads elsewhere: ${leadsTo}`);
  if (stack.test(text)) faults.push('it tells what is underneath: a stack, a module or a driver');
  return faults;
}

/** Whether a browser that was sent to this address by our server would stay with it. */
function isHere(location: string): boolean {
  const base = 'http://127.0.0.1';
  return !URL.canParse(location, base) || new URL(location, base).hostname === '127.0.0.1';
}

function faultsOfStatus(ask: Ask, answer: TimedAnswer): string[] {
  const { status, headers } = answer;
  if (status === 503 && headers.has('retry-after')) return [];
  if (status >= 500 && !ask.statuses?.includes(status)) return [`${status} is a failure of the server`];
  if (ask.statuses === null || ask.statuses.includes(status)) return [];
  const mayBeRefused = ask.statuses.some((each) => each >= 400);
  if (mayBeRefused && isOfParser(answer)) return [];
  return [`${status} came; right are ${ask.statuses.join(', ')}`];
}

/** What our routes answer has a form of its own; what the framework says by itself has none that we could hold it to. */
function faultsOfForm(ask: Ask, answer: TimedAnswer): readonly string[] {
  const { status, isWhole } = answer;
  if (!isOurs(ask.route) || ask.method === 'HEAD' || isOfParser(answer)) return [];
  // Of one that was left, the end may not have come.
  if (!isWhole && ask.route !== 'stream') return [];
  if (status >= 400) return isWhole ? faultsOfProblem(answer) : [];
  return status === 200 ? faultsOfSuccess(ask, answer) : [];
}

function isOurs(route: Route): boolean {
  return route === 'events' || route === 'stream' || route === 'health';
}

function faultsOfSuccess({ route, method }: Ask, { headers, body }: TimedAnswer): string[] {
  const type = headers.get('content-type') ?? '';
  if (method !== 'GET') return [];
  if (route === 'stream') return type.startsWith('text/event-stream') ? [] : [`a stream came as "${type}"`];
  if (!type.startsWith('application/json')) return [`JSON came as "${type}"`];
  const value = parse(body);
  const isPage = route !== 'events' || (Array.isArray(value?.events) && typeof value.cursor === 'string');
  return value === null || !isPage ? [`not what the contract says: ${body.slice(0, 200)}`] : [];
}

/** The parts of a request that a refusal may speak of. */
const part =
  /\b(?:body|events?|line \d+|data|channel|type|after|before|limit|wait|rewind|Last-Event-ID|content-type|Idempotency-Key|key|token|Authorization|allowed here|streams|log)\b/i;

/** What is wrong with a refusal of ours: it must be `application/problem+json` that names the part and is not kept. */
function faultsOfProblem({ status, headers, body }: Answer): readonly string[] {
  const type = headers.get('content-type');
  if (type !== 'application/problem+json; charset=utf-8')
    return [`${status} came as "${type}", not as a problem`];
  const problem = parse(body);
  if (problem === null) return [`a problem is not JSON: ${body.slice(0, 200)}`];
  const faults: string[] = [];
  const { type: name, title, status: told, detail } = problem;
  if (typeof name !== 'string' || !name.startsWith('urn:')) faults.push('a problem has no type');
  if (typeof title !== 'string' || title === '') faults.push('a problem has no title');
  if (told !== status) faults.push(`a problem of ${status} says ${told}`);
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
    // What cannot be read is told as a fault.
    return null;
  }
}
