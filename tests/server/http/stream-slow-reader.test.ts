import { describe, expect, test } from 'vitest';
import { newEvent, range } from '../../support/log/log-steps.ts';
import { settle } from '../../support/server/manual-clock.ts';
import { readStream } from '../../support/server/open-stream.ts';
import { makeStand, type Stand } from '../../support/server/stand.ts';

/** Publishes `count` events of about a kilobyte. */
async function publishKilobytes(stand: Stand, count: number): Promise<void> {
  const events = range(1, 500).map((number) => newEvent('feed', { number, text: 'x'.repeat(900) }));
  for (let stored = 0; stored < count; stored += 500) {
    await stand.memory.append({ events, key: null });
    await stand.clock.advance(100);
  }
}

describe('a reader that stops reading', () => {
  test('gets nothing, and everything once it reads again', async () => {
    const stand = makeStand({ env: { STREAM_MAX_SECONDS: '3600' } });
    const response = await stand.ask('stream?after=0-0');

    await publishKilobytes(stand, 10_000);
    const stream = await readStream(response);
    while (stream.of('event').length < 10_000) await stand.clock.advance(10);

    const seqs = stream.of('event').map(({ data }) => Number(String(data.id).split('-')[1]));
    expect(seqs).toEqual(range(1, 10_000));
    expect(stream.of('gap')).toEqual([]);
  });

  test('costs its cursor and one chunk, not the events it has not read', async () => {
    const stand = makeStand({ env: { STREAM_MAX_SECONDS: '3600' } });
    const answers = await Promise.all(range(1, 50).map(() => stand.ask('stream?after=0-0')));
    for (const { body } of answers) await body?.getReader().read();
    const before = process.memoryUsage().arrayBuffers;

    await publishKilobytes(stand, 10_000);

    // Ten megabytes were published; the ring keeps two of them, and each reader almost nothing.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(12 * 1024 * 1024);
  });

  test('causes no read of the log', async () => {
    const stand = makeStand({ env: { STREAM_MAX_SECONDS: '3600' } });
    const response = await stand.ask('stream?after=0-0');
    await response.body?.getReader().read();
    await stand.clock.advance(2_000);
    const before = stand.log.asked();

    await publishKilobytes(stand, 10_000);

    expect(stand.log.asked()).toBe(before);
  });

  test('delays no other reader', async () => {
    const stand = makeStand();
    await stand.ask('stream?after=0-0');
    const other = await readStream(await stand.ask('stream?after=0-0'));

    await publishKilobytes(stand, 2_000);
    await settle();

    expect(other.of('event')).toHaveLength(2_000);
  });

  test('that retention has overtaken gets a gap with the exact number', async () => {
    const stand = makeStand({ retention: 3_000 });
    await publishKilobytes(stand, 500);
    const response = await stand.ask('stream');
    const reader = response.body?.getReader();
    await reader?.read();

    await publishKilobytes(stand, 9_500);
    reader?.releaseLock();
    const stream = await readStream(response);
    while (stream.of('event').length < 3_000) await stand.clock.advance(10);

    expect(stream.of('gap').map(({ data }) => data.missed)).toEqual([6_500]);
    expect(stream.cursor()).toBe(stand.cursorAtEnd());
  });

  test('gets no chunk of more than 256 KiB', async () => {
    const stand = makeStand();
    await publishKilobytes(stand, 2_000);

    const stream = await readStream(await stand.ask('stream?after=0-0'));

    expect(stream.of('event')).toHaveLength(2_000);
    expect(Math.max(...stream.chunks)).toBeLessThanOrEqual(256 * 1024 + 4_096);
  });
});
