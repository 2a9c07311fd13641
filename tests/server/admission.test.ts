import { describe, expect, test } from 'vitest';
import { createAdmission } from '../../lib/server/admission.ts';
import { range } from '../support/log/log-steps.ts';
import { makeStand } from '../support/server/stand.ts';

const request = new Request('http://feed.test/api/stream');

/** The admission of a process whose `streams` slots are taken, all for `feed`, and which follows `followed` channels. */
function holding(
  streams: number,
  followed: number,
  settings: { isVercel: boolean; streamMaxConnections: number },
) {
  const tails = { count: () => followed, has: (channel: string) => channel === 'feed', endIdle: () => false };
  const admission = createAdmission({ ...settings, streamMaxPerAddress: null }, tails);
  for (const _ of range(1, streams)) admission.takeSlot(request, ['feed']);
  return admission;
}

describe('a process', () => {
  test('holds as many streams as its setting says', () => {
    const settings = { isVercel: false, streamMaxConnections: 2_000 };
    const admission = holding(1_999, 1, settings);
    admission.takeSlot(request, ['feed']);
    expect(() => admission.takeSlot(request, ['feed'])).toThrow(/STREAM_MAX_CONNECTIONS/);
  });

  test('on the platform holds no more streams and subscriptions than its file descriptors allow, whatever is set', () => {
    const settings = { isVercel: true, streamMaxConnections: 2_000 };
    const admission = holding(898, 1, settings);
    expect(() => admission.takeSlot(request, ['another'])).toThrow(
      /898 streams and waiting polls and follows 1 channels/,
    );
    admission.takeSlot(request, ['feed']);
  });

  test('elsewhere may follow 100 channels on top of its streams', () => {
    const settings = { isVercel: false, streamMaxConnections: 2_000 };
    const admission = holding(1_999, 100, settings);
    expect(() => admission.takeSlot(request, ['another'])).toThrow(/its maximum/);
    admission.takeSlot(request, ['feed']);
  });
});

/** A process that follows `inUse` channels for its readers, and `idle` channels that nobody reads any more: `idle1`, … */
function following(inUse: number, idle: number) {
  const stand = makeStand();
  for (const number of range(1, inUse)) stand.runtime.tails.lease(`used${number}`);
  for (const number of range(1, idle)) stand.runtime.tails.lease(`idle${number}`).release();
  const { tails, admission } = stand.runtime;
  return { ...stand, tails, admission };
}

describe('a full process', () => {
  test('ends the tails that are idle the longest', async () => {
    const { tails, admission, clock } = following(800, 99);
    await clock.advance(1_000);
    // The oldest one is used and released again, so it would be the last to end.
    tails.lease('idle1').release();

    admission.takeSlot(request, ['new1', 'new2', 'new3']);

    const ended = range(1, 99).filter((number) => !tails.has(`idle${number}`));
    expect([ended, tails.count()]).toEqual([[2, 3, 4], 896]);
  });

  test('does not end a tail that the request itself needs', () => {
    const { tails, admission } = following(898, 2);
    admission.takeSlot(request, ['idle1']);
    expect([tails.has('idle1'), tails.has('idle2')]).toEqual([true, false]);
  });

  test('refuses a request only if all tails are in use, and then ends none', () => {
    const { tails, admission } = following(897, 2);
    expect(() => admission.takeSlot(request, ['new1', 'new2', 'new3'])).toThrow(/its maximum/);
    expect(tails.count()).toBe(899);
    admission.takeSlot(request, ['new1', 'new2']);
    expect(tails.count()).toBe(897);
  });

  test('leaves nothing of a tail that it ends', async () => {
    const { tails, log, clock } = following(0, 1);
    await clock.advance(0);

    tails.endIdle(1, []);

    expect([tails.count(), log.followers(), clock.pending()]).toEqual([0, 0, 0]);
  });
});

describe('an address', () => {
  const noTails = { count: () => 0, has: () => true, endIdle: () => false };

  /** The admission of a process where each address may follow `most` channels. */
  function limited(most: number | null) {
    const admission = createAdmission(
      { isVercel: true, streamMaxConnections: 10_000, streamMaxPerAddress: most },
      noTails,
    );
    return {
      ...admission,
      take(address: string | null, channels: number) {
        const headers: HeadersInit = address === null ? {} : { 'x-real-ip': address };
        const names = range(1, channels).map((number) => `channel${number}`);
        return admission.takeSlot(new Request('http://feed.test/api/stream', { headers }), names);
      },
    };
  }

  test('has its number of slots, and other addresses have theirs', () => {
    const { take } = limited(2);
    const release = take('192.0.2.1', 1);
    take('192.0.2.1', 1);

    expect(() => take('192.0.2.1', 1)).toThrow(
      /2 of at most 2 channels .*\(STREAM_MAX_PER_ADDRESS\), and this request follows 1 more/,
    );
    take('192.0.2.2', 1);
    release();
    take('192.0.2.1', 1);
  });

  test('gets a slot back once, however often it is released', () => {
    const { take, held } = limited(2);
    const release = take('192.0.2.1', 1);
    take('192.0.2.1', 1);
    release();
    release();
    expect(held()).toBe(1);
    take('192.0.2.1', 1);

    expect(() => take('192.0.2.1', 1)).toThrow();
    expect(held()).toBe(2);
  });

  test.each([
    [null, '192.0.2.1'],
    [1, null],
  ])('has any number of slots with the limit %s and the address %s', (most, address) => {
    const { take } = limited(most);
    for (let count = 0; count < 800; count += 1) expect(() => take(address, 1)).not.toThrow();
  });

  test('needs a slot for each channel of a stream, and gets each of them back', () => {
    const { take } = limited(20);
    const release = take('192.0.2.1', 19);
    expect(() => take('192.0.2.1', 2)).toThrow(/19 of at most 20 channels/);
    take('192.0.2.1', 1);
    release();
    take('192.0.2.1', 19);
  });
});
