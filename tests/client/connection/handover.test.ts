import { expect, test } from 'vitest';
import { statusOf } from '../../../lib/client/connection/status.ts';
import { eventItem } from '../../support/client/feed-items.ts';
import { reader, streamingReader } from '../../support/client/reader.ts';

function handingOver() {
  const it = streamingReader();
  it.passes(10_000);
  it.handover('30-3~aaaaaa');
  return it;
}

test('at a handover the next stream is opened with the cursor, and the old one goes on', () => {
  const it = handingOver();
  it.gets([eventItem(4)], it.stream(0).key);
  expect(it.state.streams.map(({ after }) => after)).toEqual(['30-3~aaaaaa', '30-3~aaaaaa']);
  expect(it.accepted).toEqual(['40-4']);
  expect(statusOf(it.state)).toBe('handing over');
});

test('the old stream is closed when the next one has said hello at the same position', () => {
  const it = handingOver();
  const next = it.stream().key;
  it.goesLive();
  expect(it.state.streams.map(({ key }) => key)).toEqual([next]);
  expect(it.state).toMatchObject({ handovers: 1, failures: 0, mode: 'streaming' });
});

test('the old stream is not closed before the next one has sent everything that the old one had', () => {
  const it = handingOver();
  it.gets([eventItem(4), eventItem(5)], it.stream(0).key);
  it.goesLive();
  it.gets([eventItem(4)]);
  expect(it.state.streams).toHaveLength(2);
  it.gets([eventItem(5)]);
  expect(it.state.streams).toHaveLength(1);
  expect(it.accepted).toEqual(['40-4', '50-5']);
});

test('on a busy channel the old stream is closed once the next one reaches the position at the hello', () => {
  const it = handingOver();
  const old = it.stream(0).key;
  it.goesLive();
  expect(it.state.streams).toHaveLength(1);
  it.gets([eventItem(4)], old);
  expect(it.accepted).toEqual([]);
});

test('an old stream that ends before the next says hello is no failure', () => {
  const it = handingOver();
  it.ends(it.stream(0).key);
  expect(it.state).toMatchObject({ mode: 'connecting', failures: 0, reconnects: 0 });
  it.goesLive();
  expect(it.state.mode).toBe('streaming');
});

test('an old stream that disconnects after it announced its end is no failure', () => {
  const it = handingOver();
  it.disconnects(it.stream(0).key);
  expect(it.state).toMatchObject({ mode: 'connecting', failures: 0, disconnects: 0 });
});

test('a next stream without a byte in time gets the old one’s connection, in case the browser has no other', () => {
  const it = handingOver();
  const [old, next] = [it.stream(0).key, it.stream().key];
  it.sends();
  it.passes(3_999);
  it.gets([eventItem(4)], old);
  it.passes(1);
  expect(it.state).toMatchObject({
    mode: 'connecting',
    streams: [{ key: next }],
    failures: 0,
    reconnects: 0,
  });
  it.passes(3_999);
  it.goesLive();
  it.gets([eventItem(4), eventItem(5)]);
  expect(it.state).toMatchObject({ mode: 'streaming', failures: 0, reconnects: 0 });
  expect(it.accepted).toEqual(['40-4', '50-5']);
});

test('a next stream that has no byte even then makes the client fall back to polling', () => {
  const it = handingOver();
  it.sends();
  it.passes(7_999);
  expect(it.state.mode).toBe('connecting');
  it.passes(1);
  expect(it.state.mode).toBe('polling');
});

test('after a failed handover the old stream goes on, and the handover is tried again', () => {
  const it = handingOver();
  it.disconnects();
  it.gets([eventItem(4)], it.stream(0).key);
  expect(it.state.streams).toHaveLength(1);
  it.passes(250);
  expect(it.stream().after).toBe('40-4~aaaaaa');
  expect(it.state.streams).toHaveLength(2);
});

test('after a failed handover whose old stream has ended, the client reconnects from the cursor', () => {
  const it = handingOver();
  it.disconnects();
  it.ends();
  expect(it.state.mode).toBe('waiting');
  it.passes(250);
  expect(it.stream().after).toBe('30-3~aaaaaa');
  expect(it.state.mode).toBe('connecting');
});

test('a handover by the next stream closes the old one that is still open', () => {
  const it = handingOver();
  it.gets([eventItem(4)], it.stream(0).key);
  it.goesLive();
  it.passes(2_000);
  const second = it.stream().key;
  it.handover('30-3~aaaaaa');
  expect(it.state.streams).toHaveLength(2);
  expect(it.stream(0).key).toBe(second);
});

test('a stream that hands over right after its hello is followed after 1 s', () => {
  const it = streamingReader();
  it.handover('30-3~aaaaaa');
  expect(it.state.streams).toHaveLength(1);
  it.passes(1_000);
  expect(it.state.streams).toHaveLength(2);
});

test('a handover for the token asks for a new one', () => {
  const it = streamingReader({ hasToken: true });
  it.passes(2_000);
  it.handover('30-3~aaaaaa', 'token');
  expect(it.state.streams.map(({ tokenVersion }) => tokenVersion)).toEqual([0, 1]);
});

test('when the network returns, a new stream is opened beside the old one', () => {
  const it = streamingReader();
  it.happens('offline');
  it.happens('online');
  it.gets([eventItem(4)], it.stream(0).key);
  it.goesLive();
  it.gets([eventItem(4)]);
  expect(it.state.streams).toHaveLength(1);
  expect(it.accepted).toEqual(['40-4']);
});

test('two streams that interleave in any way bring each event once, in order', () => {
  const total = 2 ** 8;
  for (let order = 0; order < total; order += 1) {
    const it = handingOver();
    const [old, next] = [it.stream(0).key, it.stream().key];
    const left = new Map([
      [old, [4, 5, 6, 7]],
      [next, [4, 5, 6, 7]],
    ]);
    it.goesLive();
    for (let bit = 0; bit < 8; bit += 1) {
      const key = (order >> bit) & 1 ? old : next;
      const seq = left.get(key)?.shift();
      if (seq !== undefined) it.gets([eventItem(seq)], key);
    }
    it.gets(
      [4, 5, 6, 7].map((seq) => eventItem(seq)),
      next,
    );
    expect(it.accepted, `order ${order.toString(2)}`).toEqual(['40-4', '50-5', '60-6', '70-7']);
  }
});

test('a reader without a cursor continues from its hello', () => {
  const it = reader({}, null);
  it.goesLive('30-3~aaaaaa');
  it.passes(2_000);
  it.handover('30-3~aaaaaa');
  expect(it.state.streams.map(({ after }) => after)).toEqual([null, '30-3~aaaaaa']);
});

test('a second hello of a stream changes nothing', () => {
  const it = handingOver();
  const before = it.state.streams[0];
  it.goesLive('30-3~aaaaaa', it.stream(0).key);
  expect(it.state.streams[0]).toMatchObject({ source: before?.source, switchAt: null, isEnding: true });
  expect(it.state).toMatchObject({ handovers: 0 });
});
