import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type App, startApp } from '../../support/node/app-process.ts';
import { range, store } from '../../support/node/publish.ts';
import { startRedisStand } from '../../support/node/redis-stand.ts';
import { type ResumingReader, startResumingReader } from '../../support/node/resuming-reader.ts';

/** Readers of one app. They end with their scope. */
async function startReaders(app: App, count: number): Promise<readonly ResumingReader[] & AsyncDisposable> {
  const readers = await Promise.all(range(1, count).map(() => startResumingReader(app)));
  return Object.assign(readers, {
    async [Symbol.asyncDispose]() {
      await Promise.all(readers.map((reader) => reader[Symbol.asyncDispose]()));
    },
  });
}

describe.concurrent('two processes on one Redis', () => {
  test('an event published to either reaches the readers of both, once, in order', async () => {
    await using stand = await startRedisStand();
    await using one = await startApp(stand.env);
    await using other = await startApp(stand.env);
    await using ofOne = await startReaders(one, 3);
    await using ofOther = await startReaders(other, 3);
    for (const number of range(1, 200)) await store(number % 2 === 0 ? one : other, [number]);
    for (const reader of [...ofOne, ...ofOther]) {
      await reader.until(200);
      expect(reader.data).toEqual(range(1, 200));
    }
  });

  test('events from many publishers at once reach all readers in the same order, none missing', async () => {
    await using stand = await startRedisStand();
    await using one = await startApp(stand.env);
    await using other = await startApp(stand.env);
    await using left = await startResumingReader(one);
    await using right = await startResumingReader(other);
    const publishBatches = async (publisher: number) => {
      for (const batch of range(0, 9)) {
        await store(
          publisher % 2 === 0 ? one : other,
          range(1, 5).map((n) => `${publisher}: ${batch * 5 + n}`),
        );
      }
    };
    await Promise.all(range(1, 6).map(publishBatches));
    await store(one, ['last']);
    await left.until('last');
    await right.until('last');
    expect(left.ids).toEqual(right.ids);
    expect(left.ids.map((id) => Number(id.split('-')[1]))).toEqual(range(1, 301));
    const ofSecond = left.data.filter((text) => String(text).startsWith('2:'));
    expect(ofSecond).toEqual(range(1, 50).map((n) => `2: ${n}`));
  });

  test('readers of a process that was frozen for 20 s get the other process’s events, once, in order', async () => {
    await using stand = await startRedisStand();
    await using frozen = await startApp(stand.env);
    await using other = await startApp(stand.env);
    await using readers = await startReaders(frozen, 3);
    await store(other, [0]);
    frozen.kill('SIGSTOP');
    for (const batch of range(0, 19)) {
      await store(other, range(batch * 25 + 1, batch * 25 + 25));
      await sleep(1_000);
    }
    frozen.kill('SIGCONT');
    for (const reader of readers) {
      await reader.until(500);
      expect(reader.data).toEqual(range(0, 500));
      expect(reader.gaps).toEqual([]);
    }
  });

  test('readers of a frozen process whose subscription was cut get every event', async () => {
    await using stand = await startRedisStand();
    await using frozen = await startApp(stand.env);
    await using other = await startApp(stand.env);
    await using readers = await startReaders(frozen, 3);
    frozen.kill('SIGSTOP');
    stand.upstash.cutSubscriptions();
    await store(other, range(1, 500));
    await sleep(4_000);
    frozen.kill('SIGCONT');
    for (const reader of readers) {
      await reader.until(500);
      expect(reader.data).toEqual(range(1, 500));
    }
  });

  test('a process that was frozen reads the log at once, although it missed all announcements', async () => {
    await using stand = await startRedisStand();
    await using frozen = await startApp(stand.env);
    await using other = await startApp(stand.env);
    await using reader = await startResumingReader(frozen);
    // The tail checks a quiet log after 5 s, and then not for another 9 s.
    await sleep(6_000);
    frozen.kill('SIGSTOP');
    stand.upstash.faults.loseAnnouncementShare = 1;
    await store(other, range(1, 500));
    await sleep(4_000);
    stand.upstash.faults.loseAnnouncementShare = 0;
    frozen.kill('SIGCONT');
    await reader.until(500, 3_500);
    expect(reader.data).toEqual(range(1, 500));
  });
});
