import { createParser } from 'eventsource-parser';
import type { FollowSignal } from './event-log.ts';
import { openSubscription } from './open-subscription.ts';
import type { RedisEndpoint } from './redis-client.ts';
import { announcementsOf, readAnnouncement } from './redis-entry.ts';
import { logFailure, unavailable } from './redis-failure.ts';

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
