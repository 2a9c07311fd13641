import { afterEach, describe, expect, test, vi } from 'vitest';
import { type ChannelLine, channels } from '../../lib/config/channels.ts';
import { readSettings } from '../../lib/config/settings.ts';
import { startProcess } from '../../lib/server/node/process.ts';
import { openLog } from '../../lib/server/runtime.ts';
import { about, lastEvent, newEvent, readAll, store } from '../support/log/log-steps.ts';

vi.mock('../../lib/config/channels.ts', () => ({ channels: [] }));

/** Makes these lines the app's. */
function useLines(...lines: readonly ChannelLine[]): void {
  (channels as ChannelLine[]).splice(0, channels.length, ...lines);
}

const settings = () => readSettings({ FEED_DB: ':memory:', FEED_RETENTION: '50' });

afterEach(() => vi.restoreAllMocks());

describe('the rules in lib/config/channels.ts', () => {
  test('are those of the log that the app opens', async () => {
    useLines({ channels: 'one.*', maxSubjects: 1, retentionEvents: 1 });
    const log = openLog(settings());

    await store(log, about('a', 1, { channel: 'one.x' }), about('a', 1), about('b', 1));
    const refused = store(log, about('b', 1, { channel: 'one.x' }));

    await expect(refused).rejects.toMatchObject({ code: 'too-many-subjects' });
    await store(log, newEvent('one.x', 2), newEvent('feed', 2));
    expect((await readAll(log, 'one.x')).map(({ data }) => data)).toEqual(['2']);
    expect(await readAll(log, 'feed')).toHaveLength(3);
    log.close();
  });

  test('delete a channel that has ended after their time', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    useLines({ channels: 'job.*', expireAfterEndSeconds: 3_600 });
    const log = openLog(settings());
    await store(log, lastEvent('job.7'), lastEvent('feed'));

    vi.setSystemTime(Date.now() + 3_600_000);

    expect([...(await log.ends(['job.7', 'feed'])).values()]).toEqual([
      null,
      expect.objectContaining({ ended: true }),
    ]);
    log.close();
    vi.useRealTimers();
  });

  test('keep the server from starting if a line is wrong; the message names the line', async () => {
    useLines({ channels: 'a' }, { channels: 'b', retentionEvents: -1 });
    const printed = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    vi.spyOn(process, 'exit').mockImplementation((code) => {
      throw new Error(`exit ${code}`);
    });

    await expect(startProcess()).rejects.toThrow('exit 1');

    expect(String(printed.mock.calls[0]?.[0])).toContain(
      'lib/config/channels.ts: line 2 ("b"): retentionEvents is -1. Use a whole number from 1 to 10000000, or leave it out.',
    );
    expect(() => openLog(settings())).toThrow('lib/config/channels.ts: line 2');
  });
});
