import { hash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { listenOnFreePort } from '../listen-on-free-port.ts';

/** How the server misbehaves for one request. It uses the list in order, and then behaves. */
export type Misbehaviour =
  | { readonly kind: 'stores, then drops the answer' }
  | { readonly kind: 'drops the request' }
  | { readonly kind: 'never answers' }
  | {
      readonly kind: 'refuses';
      readonly status: number;
      readonly detail?: string;
      readonly retryAfter?: string;
    }
  | { readonly kind: 'answers'; readonly status: number; readonly body: string; readonly location?: string };

export type StoredEvent = { readonly channel: string; readonly type: string; readonly data: unknown };

/** A server that follows the publish contract, except when a test makes it misbehave. */
export type PublishServer = {
  readonly url: string;
  /** The stored events, in order. */
  readonly stored: StoredEvent[];
  /** The received requests: idempotency key, size of the body, and Authorization header. */
  readonly requests: { readonly key: string; readonly bytes: number; readonly token: string | undefined }[];
  /** The misbehaviour of the next requests. */
  readonly misbehaves: Misbehaviour[];
  close(): Promise<void>;
};

/** Starts a publish server on a free port. */
export async function startPublishServer(...misbehaves: Misbehaviour[]): Promise<PublishServer> {
  const stored: StoredEvent[] = [];
  const requests: PublishServer['requests'] = [];
  const answers = new Map<string, { fingerprint: string; ids: string[] }>();

  const store = (key: string, body: string) => {
    const fingerprint = hash('sha256', body);
    const known = answers.get(key);
    if (known !== undefined) {
      return { ids: known.ids, isDuplicate: true, isSame: known.fingerprint === fingerprint };
    }
    const events = JSON.parse(body) as StoredEvent[];
    const ids = events.map((_, index) => `1700000000000-${stored.length + index + 1}`);
    stored.push(...events);
    answers.set(key, { fingerprint, ids });
    return { ids, isDuplicate: false, isSame: true };
  };

  const server = createServer(async (request, response) => {
    const body = await text(request);
    const key = String(request.headers['idempotency-key']);
    requests.push({ key, bytes: Buffer.byteLength(body), token: request.headers.authorization });
    const next = misbehaves.shift();
    if (next !== undefined && misbehave(next, request, response, () => store(key, body))) return;
    const { ids, isDuplicate, isSame } = store(key, body);
    if (!isSame) return refuse(response, 422, 'the key was used with another body');
    const events = ids.map((id) => ({ id, channel: 'feed' }));
    response.writeHead(isDuplicate ? 200 : 201, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ events, duplicate: isDuplicate }));
  });
  const url = `http://127.0.0.1:${await listenOnFreePort(server)}`;
  return { url, stored, requests, misbehaves, close: () => close(server) };
}

function misbehave(how: Misbehaviour, request: IncomingMessage, response: ServerResponse, store: () => void) {
  switch (how.kind) {
    case 'stores, then drops the answer':
      store();
      request.socket.destroy();
      return true;
    case 'drops the request':
      request.socket.destroy();
      return true;
    case 'never answers':
      return true;
    case 'refuses':
      refuse(response, how.status, how.detail ?? 'not now', how.retryAfter);
      return true;
    case 'answers':
      response.writeHead(how.status, how.location === undefined ? {} : { location: how.location });
      response.end(how.body);
      return true;
  }
}

function refuse(response: ServerResponse, status: number, detail: string, retryAfter?: string): void {
  const headers = { 'content-type': 'application/problem+json' };
  response.writeHead(status, retryAfter === undefined ? headers : { ...headers, 'retry-after': retryAfter });
  response.end(JSON.stringify({ type: 'about:blank', title: 'Refused', status, detail }));
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
