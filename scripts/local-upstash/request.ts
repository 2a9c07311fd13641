import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Command, Encoding } from './commands.ts';

/** What a request asks for, parsed. */
export type ParsedRequest =
  | { readonly kind: 'command'; readonly command: Command }
  /** A pipeline; with `isAtomic`, a transaction. */
  | { readonly kind: 'commands'; readonly commands: readonly Command[]; readonly isAtomic: boolean }
  | { readonly kind: 'subscription'; readonly isPattern: boolean; readonly names: readonly string[] };

/** The endpoint refuses the request with this HTTP status. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The limit of Upstash's current plans. Older plans have 1 MB. */
const maxRequestBytes = 10 * 1_024 * 1_024;

/** Whether the request has the token, as `Authorization: Bearer` or as `?_token=`. */
export function isAuthorized({ headers }: IncomingMessage, url: URL, token: string): boolean {
  const bearer = /^Bearer (.*)$/i.exec(headers.authorization ?? '')?.[1];
  const given = Buffer.from(bearer ?? url.searchParams.get('_token') ?? '');
  const wanted = Buffer.from(token);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/** How the answer must write strings. */
export function encodingOf({ headers }: IncomingMessage): Encoding {
  return headers['upstash-encoding'] === 'base64' ? 'base64' : 'utf8';
}

/** Parses a request. @throws Refusal */
export async function parseRequest(request: IncomingMessage, url: URL): Promise<ParsedRequest> {
  const { method = 'GET', headers } = request;
  if (!['GET', 'HEAD', 'POST', 'PUT'].includes(method)) throw new Refusal(405, 'ERR method is not allowed');
  const body = await readBody(request);
  const parts = url.pathname.split('/').slice(1).map(decodePart);
  const [name = '', ...args] = parts;

  if (name === 'pipeline' || name === 'multi-exec') {
    return { kind: 'commands', commands: toCommands(parseBody(body)), isAtomic: name === 'multi-exec' };
  }
  const wantsStream = headers.accept?.includes('text/event-stream') ?? false;
  if (wantsStream && /^p?subscribe$/i.test(name) && args.length > 0) {
    return { kind: 'subscription', isPattern: name.toLowerCase() === 'psubscribe', names: args };
  }
  if (name === '') return { kind: 'command', command: toCommand(parseBody(body)) };

  // Arguments come from the path, then the body, then the query: POST /set/foo?EX=100 is SET foo <body> EX 100.
  const command = [name, ...args];
  if (body.length > 0) command.push(body.toString('utf8'));
  for (const [option, value] of url.searchParams) {
    if (option !== '_token') command.push(option, ...(value === '' ? [] : [value]));
  }
  return { kind: 'command', command };
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes <= maxRequestBytes) chunks.push(chunk);
  }
  if (bytes > maxRequestBytes) {
    throw new Refusal(
      400,
      `ERR max request size exceeded. Limit: ${maxRequestBytes} bytes, Actual: ${bytes} bytes. See https://upstash.com/docs/redis/troubleshooting/max_request_size_exceeded for details`,
    );
  }
  return Buffer.concat(chunks);
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (cause) {
    throw new Refusal(400, `ERR path cannot be decoded: ${cause instanceof Error ? cause.message : ''}`);
  }
}

function parseBody(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new Refusal(400, 'ERR failed to parse the request body as JSON');
  }
}

function toCommands(body: unknown): Command[] {
  if (!Array.isArray(body) || body.length === 0) throw new Refusal(400, 'ERR expected an array of commands');
  return body.map(toCommand);
}

function toCommand(body: unknown): Command {
  if (!Array.isArray(body) || body.length === 0) throw new Refusal(400, 'ERR expected a command as an array');
  return body.map((part) => {
    if (typeof part === 'string') return part;
    if (typeof part === 'number' || typeof part === 'boolean') return String(part);
    throw new Refusal(400, 'ERR a command holds strings, numbers and booleans only');
  });
}

/** Sends an answer as JSON. */
export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'upstash-sync-token': `local:${Date.now()}`,
  });
  response.end(text);
}
