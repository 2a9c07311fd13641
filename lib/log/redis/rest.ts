import { AsyncLocalStorage } from 'node:async_hooks';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { Redis } from '@upstash/redis';
import { createParser } from 'eventsource-parser';
import { FeedError } from '../../core/feed-error.ts';
import type { CircuitBreaker } from './circuit-breaker.ts';
import { refusalToFeedError, toFeedError, unavailable, unreadable } from './failures.ts';
import type { RedisTransport, SubscriptionSignal } from './transport.ts';

/** The Redis REST API to use. */
type RedisEndpoint = {
  /** `https://…`; `http://…` for a Redis on this machine. */
  readonly url: string;
  readonly token: string;
  /** How long to wait for an answer, in ms. */
  readonly timeoutMs: number;
  /** All calls and subscriptions pass through it, so that they obey a time that Redis names. */
  readonly breaker: CircuitBreaker;
};

/**
 * Reaches Redis by the REST API of Upstash: each call is one command in one HTTP request, and each subscription a request of
 * its own. It neither retries nor converts anything.
 * @throws FeedError `misconfigured` when the URL or the token is invalid; the error contains neither.
 */
export function createRestTransport(endpoint: RedisEndpoint): RedisTransport {
  checkEndpoint(endpoint);
  const redis = new Redis({
    url: endpoint.url,
    token: endpoint.token,
    // `retry: false` still tries twice (1.39: the loop is `i <= attempts`, with attempts 1). A second try of an append
    // without a key could store its events twice; a caller with a key may retry itself.
    retry: { retries: 0 },
    // Otherwise the string "42" comes back as the number 42.
    automaticDeserialization: false,
    // Everything stored is valid UTF-8; base64 would make every answer a third longer.
    responseEncoding: false,
    enableAutoPipelining: false,
    enableTelemetry: false,
    cache: 'no-store',
    signal: () => timeouts.getStore() ?? AbortSignal.timeout(endpoint.timeoutMs),
  });
  const call = (run: () => Promise<unknown>, isProof: boolean) => {
    const calledAt = performance.now();
    const runInWords = () => {
      // The wait for another call's probe counts too.
      const leftMs = Math.max(0, endpoint.timeoutMs - (performance.now() - calledAt));
      return timeouts.run(AbortSignal.timeout(Math.ceil(leftMs)), run).catch((error: unknown) => {
        throw toFeedError(error);
      });
    };
    return endpoint.breaker.run(runInWords, isProof);
  };
  const closed = new AbortController();
  return {
    isCluster: false,
    // The console of Upstash shows it; the REST API does not tell.
    mayEvict: () => false,
    evaluate: (script, keys, args) => call(() => redis.eval(script, [...keys], [...args]), true),
    async ping() {
      if ((await call(() => redis.ping(), false)) !== 'PONG') throw unreadable();
    },
    subscribe: (name, onSignal, signal) =>
      subscribe(endpoint, name, onSignal, AbortSignal.any([signal, closed.signal])),
    close: () => closed.abort(),
  };
}

/** The time limit of the call that is being made: the driver takes one signal for all calls, or a function. */
const timeouts = new AsyncLocalStorage<AbortSignal>();

/** The URLs that the driver accepts. It puts any other URL into its error, so they are refused before. */
const driverUrlPattern = /^https?:\/\/[^\s#$./?].\S*$/;

function checkEndpoint({ url, token }: RedisEndpoint): void {
  if (!URL.canParse(url) || !driverUrlPattern.test(url)) {
    throw new FeedError(
      'misconfigured',
      'The URL of Redis must begin with https:// or http://, and must not contain spaces.',
    );
  }
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new FeedError('misconfigured', 'The token of Redis must be printable ASCII without spaces.');
  }
}

/**
 * Subscribes by the SUBSCRIBE of the REST API, `POST /subscribe/<channel>`. It answers with lines
 * `data: subscribe,<channel>,1` and `data: message,<channel>,<payload>` (Upstash's documentation, "REST API"). The SDK's
 * `subscribe()` is not used: it does not report the end of its stream.
 * Upstash or a proxy may end an idle subscription, which is then lost. This side never ends one that is silent.
 */
function subscribe(
  endpoint: RedisEndpoint,
  name: string,
  onSignal: (signal: SubscriptionSignal) => void,
  signal: AbortSignal,
): void {
  if (signal.aborted) return;
  const lost = new AbortController();
  const ended = AbortSignal.any([signal, lost.signal]);
  let isConnected = false;

  const report = (subscriptionSignal: SubscriptionSignal) => {
    if (!ended.aborted) onSignal(subscriptionSignal);
  };
  const lose = (error: unknown) => {
    if (ended.aborted) return;
    lost.abort();
    onSignal({ kind: 'lost', cause: toFeedError(error) });
  };
  const acknowledgeTimer = setTimeout(
    () => lose(unavailable('did not acknowledge a subscription in time.', 'TimeoutError')),
    endpoint.timeoutMs,
  );
  ended.addEventListener('abort', () => clearTimeout(acknowledgeTimer), { once: true });

  const handleLine = (line: string) => {
    if (line.startsWith(`message,${name},`)) {
      report({ kind: 'message', text: line.slice(`message,${name},`.length) });
    } else if (line.startsWith(`subscribe,${name},`) && !isConnected) {
      isConnected = true;
      clearTimeout(acknowledgeTimer);
      report({ kind: 'connected' });
    } else if (isConnected) {
      report({ kind: 'unsure' });
    }
  };
  receiveLines(endpoint, name, handleLine, ended).catch(lose);
}

/** The most characters in one line; the largest announcement is a request of 1 MiB. */
const maxLineCharacters = 8 * 1_024 * 1_024;

/** Passes on the text of every `data:` line. It never resolves: it rejects when the stream ends, for whatever reason. */
async function receiveLines(
  endpoint: RedisEndpoint,
  name: string,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<never> {
  const open = () =>
    openSubscription(endpoint, name, signal).catch((error: unknown) => {
      throw toFeedError(error);
    });
  const stream = await endpoint.breaker.run(open, false);
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
    // Each line is a message, and Upstash may send no empty line after it. The parser needs one: add it.
    parser.feed(decoder.decode(chunk, { stream: true }).replaceAll('\n', '\n\n'));
  }
  throw unavailable('ended a subscription.', 'ended');
}

/** After this silence TCP sends a keep-alive probe, so that NATs and firewalls on the way keep the connection, in ms. */
const keepAliveMs = 30_000;

/** The most characters to read of a refusal; Upstash sends one line. */
const maxRefusalCharacters = 64 * 1_024;

/**
 * Sends `POST /subscribe/<name>` to the REST API, and returns the stream of the answer. It uses `node:http`, because `fetch`
 * ends a body after 5 minutes of silence, an idle channel is silent for hours, and Next patches `fetch`. Silence has no limit
 * here. It follows no redirect: the token is for this endpoint alone.
 * @param name the pub/sub channel; a valid name needs no escaping in a path: see `isName`.
 * @param signal closes the connection when it aborts.
 * @throws FeedError for an answer that is not 2xx; otherwise the socket's error.
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
    // Each subscription opens a connection of its own: a kept one from an ended stream may be dead already.
    connection: 'close',
  };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request(target, { method: 'POST', headers, signal }, resolve);
    sent.on('error', reject);
    sent.setSocketKeepAlive(true, keepAliveMs);
    // As the server's timers, it keeps no process alive: a script ends while its last subscription still lingers.
    sent.on('socket', (socket) => socket.unref());
    sent.end();
  });
  const { statusCode = 0 } = response;
  if (statusCode >= 200 && statusCode < 300) return response;
  throw refusalToFeedError(errorOf(await readRefusal(response)));
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

/** The error text of a refusal, `{"error":"…"}`; empty for any other body. */
function errorOf(body: string): string {
  try {
    return String(JSON.parse(body).error);
  } catch {
    // For example the HTML page of a proxy.
    return '';
  }
}
