import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { createParser } from 'eventsource-parser';
import type { FollowSignal } from '../event-log.ts';
import { logFailure, logRefusal, type RedisEndpoint, unavailable } from './client.ts';
import { announcementsOf, readAnnouncement } from './storage.ts';

/** Most characters of one line; the largest announcement is a request of 1 MiB. */
const maxLineCharacters = 8 * 1_024 * 1_024;

/**
 * Follows a channel's announcements by the REST API's own SUBSCRIBE, `POST /subscribe/<channel>`, whose answer are
 * lines `data: subscribe,<channel>,1` and `data: message,<channel>,<payload>` (the service's documentation, "REST
 * API"). The SDK's `subscribe()` is not used: it says nothing when its stream ends.
 * An idle stream may be ended by the service or a proxy: it is lost then. It is never ended from here.
 */
export function followRedis(
  endpoint: RedisEndpoint,
  channel: string,
  onSignal: (signal: FollowSignal) => void,
  signal: AbortSignal,
): void {
  if (signal.aborted) return;
  const ended = new AbortController();
  const over = AbortSignal.any([signal, ended.signal]);
  let isConnected = false;

  const tell = (told: FollowSignal) => {
    if (!over.aborted) onSignal(told);
  };
  const lose = (error: unknown) => {
    if (over.aborted) return;
    ended.abort();
    onSignal({ kind: 'lost', cause: logFailure(error) });
  };
  const impatience = setTimeout(
    () => lose(unavailable('did not acknowledge a subscription in time', 'TimeoutError')),
    endpoint.timeoutMs,
  );
  over.addEventListener('abort', () => clearTimeout(impatience), { once: true });

  const name = announcementsOf(channel);
  const hear = (line: string) => {
    if (line.startsWith(`message,${name},`)) {
      const announcement = readAnnouncement(line.slice(`message,${name},`.length));
      tell(announcement === null ? { kind: 'unsure' } : { kind: 'events', ...announcement });
    } else if (line.startsWith(`subscribe,${name},`) && !isConnected) {
      isConnected = true;
      clearTimeout(impatience);
      tell({ kind: 'connected' });
    } else if (isConnected) {
      tell({ kind: 'unsure' });
    }
  };
  receiveLines(endpoint, name, hear, over).catch(lose);
}

/** Hands on the text of every `data:` line. Never comes back: rejects when the stream ends, for whatever reason. */
async function receiveLines(
  endpoint: RedisEndpoint,
  name: string,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<never> {
  const stream = await openSubscription(endpoint, name, signal);
  const parser = createParser({
    maxBufferSize: maxLineCharacters,
    onEvent: (event) => onLine(event.data),
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded') throw error;
      onLine('');
    },
  });
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    // A line is a message: the documentation shows no blank lines between them, and a payload is one line. Each is
    // made an event of its own, whether a blank line follows or not.
    parser.feed(decoder.decode(chunk, { stream: true }).replaceAll('\n', '\n\n'));
  }
  throw unavailable('ended a subscription', 'ended');
}

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
async function openSubscription(
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
