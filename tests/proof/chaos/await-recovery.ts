import { compareEventIds, parseEventId } from '../../../lib/core/ids.ts';
import type { Violation } from './oracle/history.ts';
import type { Truth } from './oracle/truth.ts';
import type { Publisher } from './publisher.ts';
import type { Reader } from './readers/reader.ts';
import type { RedisHost } from './servers/redis-host.ts';

/** Time for publishers to recover after the faults, and then for readers to reach the end, in ms. */
const wellWithinMs = 30_000;

export type RecoveryOptions = {
  readonly publishers: readonly Publisher[];
  readonly readers: readonly Reader[];
  readonly truth: Truth;
  readonly redis: RedisHost;
  readonly channels: readonly string[];
  readonly note: (line: string) => void;
};

/**
 * Stops the publishers, publishes a last event to each channel, and waits until every reader has it.
 * @returns a violation for each publisher or reader that did not recover.
 */
export async function awaitRecovery(options: RecoveryOptions): Promise<readonly Violation[]> {
  const { publishers, readers, truth, redis, channels, note } = options;
  const violations: Violation[] = [];
  const blame = (kind: Violation['kind'], who: string, what: string) =>
    violations.push({ kind, who, what, lost: 0 });

  const published = Promise.all(publishers.map((publisher) => publisher.stop())).then(() =>
    publishers[0]?.finish(channels),
  );
  const isPublished = await Promise.race([published.then(() => true), sleep(wellWithinMs).then(() => false)]);
  if (!isPublished)
    blame('publisher', 'publishers', `not all requests were acknowledged within ${wellWithinMs / 1_000} s`);
  note('the last event is published');
  await redis.observer.look();

  const until = performance.now() + wellWithinMs;
  const waiting = new Set(readers);
  for (;;) {
    for (const reader of waiting) if (isAtEnd(reader, truth)) waiting.delete(reader);
    if (waiting.size === 0) break;
    if (performance.now() > until) break;
    await sleep(100);
  }
  note(`${readers.length - waiting.size} of ${readers.length} readers are at the end`);
  for (const reader of waiting) {
    const reason = reader.gaveUp() ?? reader.state();
    blame(
      'end not reached',
      reader.record.reader,
      `not at the end within ${wellWithinMs / 1_000} s: ${reason}`,
    );
  }
  return violations;
}

/** Whether a reader has the last event of each of its channels. */
function isAtEnd({ record }: Reader, { lives }: Truth): boolean {
  const { channels, types, begin } = record.history();
  return channels.every((channel) => {
    const last = lives
      .get(channel)
      ?.at(-1)
      ?.events.findLast((fact) => fact !== undefined && (types?.has(fact.type) ?? true));
    if (last === undefined || record.last(channel) === last.id) return true;
    // The reader started now, after the last event.
    const from = begin.get(channel) ?? 'now';
    if (record.last(channel) !== '' || from === 'now') return false;
    return compareEventIds(parseEventId(from, 'begin'), parseEventId(last.id, 'last')) >= 0;
  });
}

function sleep(ms: number): Promise<void> {
  // This timer alone must not keep the process alive.
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
