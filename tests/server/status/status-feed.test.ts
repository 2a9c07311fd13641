import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { ProcessStatus } from '../../../lib/core/process-status.ts';
import { stopRuntime } from '../../../lib/server/runtime.ts';
import { sessionSeconds } from '../../../lib/server/status/session.ts';
import { measureEveryMs, watchedForMs } from '../../../lib/server/status/status-feed.ts';
import { type OpenStream, openStream, readStream } from '../../support/server/open-stream.ts';
import { expectRefusal } from '../../support/server/refusal.ts';
import { makeStatusStand, type StatusStand } from './status-stand.ts';

async function watch(stand: StatusStand): Promise<OpenStream> {
  const headers = await stand.cookie();
  return readStream(await stand.askStatus('api/stream?channel=status&rewind=1', { headers }));
}

/** The snapshots that a stream has brought. */
function snapshotsOf(stream: OpenStream): readonly ProcessStatus[] {
  return stream.data() as ProcessStatus[];
}

describe('the feed of a process about itself', () => {
  test('brings a snapshot at once, and a new one every 2 s', async () => {
    const stand = makeStatusStand();
    await openStream(stand, 'channel=one');

    const stream = await watch(stand);
    await stand.clock.advance(3 * measureEveryMs);

    const snapshots = snapshotsOf(stream);
    expect(snapshots.map(({ streams }) => streams)).toEqual([1, 1, 1, 1]);
    expect(new Set(snapshots.map(({ name }) => name)).size).toBe(1);
  });

  test('brings them also where each step of its log takes longer than a step may', async () => {
    let slowMs = 0;
    const slow = vi.spyOn(performance, 'now').mockImplementation(() => {
      slowMs += 20;
      return slowMs;
    });
    onTestFinished(() => slow.mockRestore());
    const stand = makeStatusStand();

    const stream = await watch(stand);
    await stand.clock.advance(3 * measureEveryMs);

    expect(snapshotsOf(stream)).toHaveLength(4);
  });

  test('costs nothing while nobody watches: no timer, and not one call of the log', async () => {
    const stand = makeStatusStand();
    await stand.cookie();
    await stand.askStatus('api/events?channel=status');
    await stand.clock.advance(3_600_000);
    expect([stand.log.asked(), stand.log.calls.append, stand.clock.pending()]).toEqual([0, 0, 0]);

    const stream = await watch(stand);
    await stream.cancel();
    await stand.clock.advance(watchedForMs + 30_000);
    const asked = stand.log.asked();
    await stand.clock.advance(3_600_000);
    expect([stand.log.asked() - asked, stand.log.calls.append, stand.clock.pending()]).toEqual([0, 0, 0]);
  });

  test('asks the log whether it answers, and nothing that a log bills', async () => {
    const stand = makeStatusStand();
    await watch(stand);
    await stand.clock.advance(60_000);

    const { append, read, follow, ends } = stand.log.calls;
    expect([append, read, follow]).toEqual([0, 0, 0]);
    expect(ends).toBeGreaterThan(20);
  });

  test('goes on while the log fails, and says what the log says', async () => {
    const stand = makeStatusStand();
    const stream = await watch(stand);
    stand.log.isDown = true;
    await stand.clock.advance(60_000);

    expect(stream.isOver()).toBe(false);
    expect(snapshotsOf(stream).length).toBeGreaterThan(20);
    expect(snapshotsOf(stream)[0]?.log).toMatchObject({ isReachable: true, problem: null });
    expect(snapshotsOf(stream).at(-1)?.log).toMatchObject({ isReachable: false, problem: 'the log is down' });
  });

  test('goes on while the log hangs', async () => {
    const stand = makeStatusStand();
    stand.log.answerMs = 3_600_000;
    const headers = await stand.cookie();
    const asking = stand.askStatus('api/events?channel=status&rewind=1', { headers });
    await stand.clock.advance(2_000);

    const { events } = await (await asking).json();
    expect(events[0].data.log.problem).toBe('The log has not answered within 2 s.');
  });

  test('can be read from a process that is full, and does not count as its reader', async () => {
    const stand = makeStatusStand({ env: { STREAM_MAX_CONNECTIONS: '1' } });
    await openStream(stand, 'channel=one');
    await expectRefusal(stand.ask('stream?channel=two'), 503);

    const [snapshot] = snapshotsOf(await watch(stand));
    expect(snapshot).toMatchObject({ streams: 1, slots: 1, channelCount: 1 });
    expect(stand.runtime.admission.held()).toBe(1);
  });

  test('has its polls too: each brings a snapshot of now', async () => {
    const stand = makeStatusStand();
    const headers = await stand.cookie();
    const poll = async () => {
      const answer = await stand.askStatus('api/events?channel=status&rewind=1', { headers });
      return (await answer.json()).events[0].data.time;
    };
    const first = await poll();
    await stand.clock.advance(60_000);
    expect((await poll()) - first).toBe(60_000);
  });

  test('keeps only the newest snapshots, however long somebody watches', async () => {
    const stand = makeStatusStand();
    await watch(stand);
    await stand.clock.advance(3_600_000);

    const headers = await stand.cookie();
    const answer = await stand.askStatus('api/events?channel=status&rewind=all&limit=500', { headers });
    expect((await answer.json()).events).toHaveLength(30);
  });

  test('hands its readers over when the process stops', async () => {
    const stand = makeStatusStand();
    const stream = await watch(stand);
    stopRuntime(stand.runtime);
    await stand.clock.advance(0);
    expect(stream.of('handover')[0]?.data).toMatchObject({ reason: 'stopping' });
  });
});

describe('who reads the status', () => {
  test('a stream ends with the session that opened it', async () => {
    const stand = makeStatusStand();
    const headers = await stand.cookie();
    await stand.clock.advance((sessionSeconds - 60) * 1_000);
    const stream = await readStream(await stand.askStatus('api/stream?channel=status', { headers }));
    await stand.clock.advance(58_000);
    expect(stream.of('handover')).toHaveLength(0);
    await stand.clock.advance(2_000);
    expect(stream.of('handover')[0]?.data).toMatchObject({ reason: 'token' });
  });

  test('neither the publish token nor a read token opens it, but only a sign-in', async () => {
    const stand = makeStatusStand({ env: { READ_TOKEN_SECRET: 'a-secret-of-thirty-two-characters' } });
    for (const authorization of ['Bearer the-publish-token', 'Bearer a.b.c'])
      for (const path of ['api/stream?channel=status', 'api/events?channel=status&token=a.b.c'])
        await expectRefusal(stand.askStatus(path, { headers: { authorization } }), 401);
  });

  test('the routes of the feed itself do not have it', async () => {
    const stand = makeStatusStand();
    await watch(stand);
    const page = await (await stand.ask('events?channel=status&rewind=all')).json();
    expect(page.events).toEqual([]);
  });

  test('nobody can publish to it, and no page of another origin can read it', async () => {
    const stand = makeStatusStand({ env: { ALLOWED_ORIGINS: 'https://other.test' } });
    const headers = { ...(await stand.cookie()), origin: 'https://other.test' };
    const post = await stand.askStatus('api/events', { method: 'POST', body: '{"data":1}', headers });
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);

    const read = await stand.askStatus('api/events?channel=status&rewind=1', { headers });
    expect(read.headers.get('access-control-allow-origin')).toBeNull();
    expect(read.headers.get('cache-control')).toBe('private, no-store');
  });
});
