import { describe, expect, test } from 'vitest';
import { accept } from '../../../lib/client/connection/sequencer.ts';
import { cursorAt, eventItem } from '../../support/client/feed-items.ts';
import { pollingReader, reader, streamingReader } from '../../support/client/reader.ts';

/** A connection on standby, at event 3. */
function standbyReader() {
  const it = streamingReader();
  it.happens('standBy');
  return it;
}

const activate = (more: object = {}) =>
  ({
    kind: 'activate',
    known: { pollingReason: null, notBefore: 0, isPaused: false, restMs: 0, ...more },
  }) as const;

describe('a connection that stands by', () => {
  test.each([
    ['streams', streamingReader],
    ['polls', pollingReader],
  ] as const)('and %s closes what is open', (_, make) => {
    const it = make();
    it.happens('standBy');
    expect(it.state).toMatchObject({ mode: 'standby', streams: [], poll: null, pollAt: null, probeAt: null });
  });

  test('opens nothing by itself, whatever happens to the page', () => {
    const it = standbyReader();
    for (const kind of ['woke', 'offline', 'online', 'hidden', 'visible', 'retry'] as const) it.happens(kind);
    it.passes(600_000);
    expect(it.state).toMatchObject({ mode: 'standby', streams: [], poll: null });
  });

  test.each(['disabled', 'frozen'] as const)('while it is %s stays so until that ends', (kind) => {
    const it = streamingReader();
    it.happens(kind);
    it.happens('standBy');
    expect(it.state).toMatchObject({ mode: 'paused', pausedBy: kind });
    it.happens(kind === 'frozen' ? 'restored' : 'enabled');
    expect(it.state).toMatchObject({ mode: 'standby', streams: [] });
  });

  test('after it was refused for good stays stopped', () => {
    const it = reader();
    it.isRefused(403);
    it.happens('standBy');
    expect(it.state).toMatchObject({ mode: 'stopped', isStandby: true });
  });
});

describe('a connection that is activated', () => {
  test('opens a stream from the reader’s cursor', () => {
    const it = standbyReader();
    it.tell({ kind: 'activate', known: null });
    expect(it.state).toMatchObject({ mode: 'connecting', streams: [{ after: '30-3~aaaaaa' }] });
  });

  test('polls where streaming is known to be blocked', () => {
    const it = standbyReader();
    it.tell(activate({ pollingReason: 'held' }));
    expect(it.state).toMatchObject({ mode: 'polling', poll: { after: '30-3~aaaaaa' } });
  });

  test('waits until the time that the server named', () => {
    const it = standbyReader();
    it.tell(activate({ notBefore: it.now + 60_000 }));
    expect(it.state).toMatchObject({ mode: 'waiting', streams: [] });
    it.passes(60_000);
    expect(it.state.streams).toHaveLength(1);
  });

  test('in a hidden page stays closed where the other connection had paused', () => {
    const it = standbyReader();
    it.happens('hidden');
    it.tell(activate({ isPaused: true, restMs: 0 }));
    expect(it.state).toMatchObject({ mode: 'paused', pausedBy: 'hidden' });
  });

  test('while it is switched off stays off, and reads when it is switched on', () => {
    const it = standbyReader();
    it.happens('disabled');
    it.tell(activate());
    expect(it.state.mode).toBe('paused');
    it.happens('enabled');
    expect(it.state.mode).toBe('connecting');
  });
});

describe('a catch-up', () => {
  test('polls the log to its end, once', () => {
    const it = standbyReader();
    it.happens('catchUp');
    it.happens('catchUp');
    it.isPolled([eventItem(4)], '40-4~aaaaaa', { more: true });
    expect(it.state).toMatchObject({ catchUps: 0, poll: { after: '40-4~aaaaaa' } });
    it.isPolled([eventItem(5)], '50-5~aaaaaa');
    expect(it.accepted).toEqual(['40-4', '50-5']);
    expect(it.state).toMatchObject({ mode: 'standby', catchUps: 1, poll: null, pollAt: null });
  });

  test('that fails is tried again, and counts when it is complete', () => {
    const it = standbyReader();
    it.happens('catchUp');
    it.pollFails();
    expect(it.state).toMatchObject({ catchUps: 0, poll: null });
    it.passes(500);
    it.isPolled([], '30-3~aaaaaa');
    expect(it.state.catchUps).toBe(1);
  });

  test.each(['frozen', 'disabled', 'retry'] as const)('that is aborted does not count: %s', (kind) => {
    const it = standbyReader();
    it.happens('catchUp');
    it.happens(kind);
    expect(it.state).toMatchObject({ catchUps: 0, poll: null });
  });

  test('is not for a connection that reads by itself', () => {
    const it = streamingReader();
    it.happens('catchUp');
    expect(it.state.poll).toBeNull();
  });
});

test('events from another source move the reader, in any mode', () => {
  for (const it of [streamingReader(), standbyReader()]) {
    const { reader: before } = it.state;
    const { reader: after, accepted } = accept(
      before,
      before.positions,
      [eventItem(4)],
      cursorAt('40-4~aaaaaa'),
    );
    it.tell({ kind: 'moved', reader: after, accepted });
    expect([it.cursor, it.accepted]).toEqual(['40-4~aaaaaa', ['40-4']]);
  }
});

test('several signals at one time lose nothing of what an earlier one brought', () => {
  const it = standbyReader();
  it.happens('catchUp');
  const poll = it.state.poll?.key ?? -1;
  const advice = { everyMs: 2_000, waitSeconds: 0 };
  const page = { items: [eventItem(4)], cursor: cursorAt('40-4~aaaaaa'), more: false, advice };
  it.tell({ kind: 'polled', poll, page }, { kind: 'hidden' }, { kind: 'timer' });
  expect(it.accepted).toEqual(['40-4']);
});
