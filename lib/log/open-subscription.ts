import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { RedisEndpoint } from './redis-client.ts';
import { logRefusal } from './redis-failure.ts';

/** A connection without a word for this long is probed by TCP, so that NATs and firewalls on the way remember it. */
const probeMs = 30_000;

/** Most characters kept of a refusal; those of the service are one line. */
const maxRefusalCharacters = 64 * 1_024;

/**
 * Asks the REST API for a subscription, `POST /subscribe/<name>`, and answers its stream. By `node:http`, because
 * `fetch` ends a body that was silent for 5 minutes, and an idle channel is silent for hours; and Next patches `fetch`.
 * Nothing here limits how long it may be silent. A redirect is not followed: the token is for this endpoint alone.
 * @param name of the pub/sub channel; it needs no escaping in a path: see `isName`.
 * @throws FeedError for an answer that is not 2xx; else what the socket says. Aborting `signal` closes the connection.
 */
export async function openSubscription(
  { url, token }: RedisEndpoint,
  name: string,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const target = new URL(`${url.replace(/\/$/, '')}/subscribe/${name}`);
  const request = target.protocol === 'https:' ? requestHttps : requestHttp;
  const headers = {
    accept: 'text/event-stream',
    'accept-encoding': 'identity',
    authorization: `Bearer ${token}`,
    // The connection serves nothing else: one left over from a stream that ended may be dead already.
    connection: 'close',
  };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const asked = request(target, { method: 'POST', headers, signal }, resolve);
    asked.on('error', reject);
    asked.setSocketKeepAlive(true, probeMs);
    asked.end();
  });
  const { statusCode = 0 } = response;
  if (statusCode >= 200 && statusCode < 300) return response;
  throw logRefusal(errorOf(await readRefusal(response)));
}

async function readRefusal(response: IncomingMessage): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > maxRefusalCharacters) break;
  }
  return text;
}

/** The error text in a refusal, `{"error":"…"}`; empty where it is something else. */
function errorOf(body: string): string {
  try {
    return String(JSON.parse(body).error);
  } catch {
    // A proxy's own page: it says nothing that could be told.
    return '';
  }
}
