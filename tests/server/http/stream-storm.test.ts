import { describe, expect, test } from 'vitest';
import { range } from '../../support/log/log-steps.ts';
import { type OpenStream, openStream } from '../../support/server/open-stream.ts';
import { makeStand } from '../../support/server/stand.ts';

describe('readers that get the same answer at the same moment come back at different times:', () => {
  /** How many of these times, in ms, lie within 100 ms at most. */
  const peakOf = (times: readonly number[]) => {
    const slots = Map.groupBy(times, (ms) => Math.floor(ms / 100));
    return Math.max(...[...slots.values()].map(({ length }) => length));
  };
  const retriesOf = (streams: readonly OpenStream[]) =>
    streams.map((stream) => Number(stream.of('retry').at(-1)?.text));
  const native = { headers: { accept: 'text/event-stream' } };

  test('300 that a full process refuses, after 5 to 10 s', async () => {
    const stand = makeStand({ env: { STREAM_MAX_CONNECTIONS: '1' } });
    await openStream(stand);
    const times = retriesOf(await Promise.all(range(1, 300).map(() => openStream(stand, '', native))));

    expect([Math.min(...times) >= 5_000, Math.max(...times) <= 10_000]).toEqual([true, true]);
    // The average is 6.
    expect(peakOf(times)).toBeLessThan(30);
  });

  test('300 whose log cannot be reached, after 2 to 4 s', async () => {
    const stand = makeStand();
    stand.log.isDown = true;
    const asked = Promise.all(range(1, 300).map(() => openStream(stand, '', native)));
    await stand.clock.advance(1_000);
    const times = retriesOf(await asked);

    expect([Math.min(...times) >= 2_000, Math.max(...times) <= 4_000]).toEqual([true, true]);
    expect(peakOf(times)).toBeLessThan(50);
  });

  test('300 whose process dies, after the time in their hello, 1 to 5 s', async () => {
    const stand = makeStand();
    const times = retriesOf(await Promise.all(range(1, 300).map(() => openStream(stand))));

    expect([Math.min(...times) >= 1_000, Math.max(...times) <= 5_000]).toEqual([true, true]);
    expect(peakOf(times)).toBeLessThan(30);
  });

  test('300 whose process stops, after 250 to 1,000 ms', async () => {
    const stand = makeStand();
    const streams = await Promise.all(range(1, 300).map(() => openStream(stand)));
    for (const open of stand.runtime.streams) open.handOver('stopping', 1_500);
    await stand.clock.advance(1_500);

    const times = retriesOf(streams);
    expect([Math.min(...times) >= 250, Math.max(...times) <= 1_000]).toEqual([true, true]);
    expect(peakOf(times)).toBeLessThan(80);
  });

  test('300 that a full process refuses by status, in five different seconds', async () => {
    const stand = makeStand({ env: { STREAM_MAX_CONNECTIONS: '1' } });
    await openStream(stand);
    const answers = await Promise.all(range(1, 300).map(() => stand.ask('stream')));

    const seconds = new Set(answers.map(({ headers }) => headers.get('retry-after')));
    expect([...seconds].sort()).toEqual(['10', '6', '7', '8', '9']);
  });
});
