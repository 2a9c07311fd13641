import type { Answer } from './answer-reader.ts';

/** The parts of a request that a refusal may speak of. */
const part =
  /\b(?:body|events?|line \d+|data|channel|type|after|before|limit|wait|rewind|Last-Event-ID|content-type|Idempotency-Key|key|token|Authorization|allowed here|streams|log)\b/i;

/** What is wrong with a refusal of ours: it must be `application/problem+json` that names the part and is not kept. */
export function faultsOfProblem({ status, headers, body }: Answer): readonly string[] {
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
