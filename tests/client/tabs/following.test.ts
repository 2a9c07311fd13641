import { describe, expect, test } from 'vitest';
import { reportOf } from '../../../lib/client/tabs/following.ts';
import { buildTabUpdate } from '../../../lib/client/tabs/tab-message.ts';
import { eventItem, gapItem } from '../../support/client/feed-items.ts';
import { refusalOf } from '../../support/client/reader.ts';
import { followingTab, newTabReader, pollingTab, streamingTab } from '../../support/client/tab-reader.ts';

describe('a tab that begins', () => {
  test('is on standby until it knows who leads', () => {
    const it = newTabReader();
    it.joins();
    expect(it.state).toMatchObject({ mode: 'standby', streams: [] });
  });

  test('whose channel never opens reads by itself after 1 s', () => {
    const it = newTabReader();
    it.passes(999);
    expect(it.state.streams).toEqual([]);
    it.passes(1);
    expect(it.state).toMatchObject({ mode: 'connecting', streams: [{ after: '30-3~aaaaaa' }] });
  });
});

describe('a tab that loses the lead', () => {
  test.each([
    ['streams', streamingTab],
    ['polls', pollingTab],
  ] as const)('and %s reads on until the new leader reads, then it is on standby', (_, make) => {
    const it = make();
    it.losesLock();
    it.receives('30-3~aaaaaa', [], '30-3~aaaaaa', { isReading: false });
    expect([it.state.streams.length + (it.state.poll === null ? 0 : 1), it.state.mode]).not.toEqual([
      0,
      'standby',
    ]);
    it.receives('30-3~aaaaaa', [], '30-3~aaaaaa');
    expect(it.state).toMatchObject({ mode: 'standby', streams: [], poll: null, pollAt: null });
  });

  test('reads on for 10 s at most', () => {
    const it = streamingTab();
    it.losesLock();
    it.receives('30-3~aaaaaa', [], '30-3~aaaaaa', { isReading: false });
    it.passes(9_999);
    expect(it.state.mode).toBe('streaming');
    it.passes(1);
    expect(it.state.mode).toBe('standby');
  });

  test('and loses its stream meanwhile does not open another', () => {
    const it = streamingTab();
    it.losesLock();
    it.disconnects();
    expect(it.state).toMatchObject({ mode: 'standby', streams: [], retryAt: null });
  });

  test('and loses its stream once too often does not fall to polling beside the leader', () => {
    const it = streamingTab();
    for (let count = 0; count < 2; count += 1) {
      it.disconnects();
      it.passes(2_000);
      it.goesLive();
    }
    it.losesLock();
    it.disconnects();
    expect(it.state).toMatchObject({ mode: 'standby', poll: null, pollAt: null, probeAt: null });
  });

  test('and polls reads on by the stream of a probe that works', () => {
    const it = pollingTab();
    it.isPolled([], '30-3~aaaaaa');
    it.happens('online');
    it.losesLock();
    it.goesLive();
    expect(it.state).toMatchObject({ mode: 'streaming', isStandby: false });
  });

  test('and is frozen reads nothing when it comes back', () => {
    const it = streamingTab();
    it.losesLock();
    it.happens('frozen');
    it.happens('restored');
    expect(it.state).toMatchObject({ mode: 'standby', streams: [] });
  });

  test('and leads again goes on with the stream it has', () => {
    const it = streamingTab();
    const { key } = it.stream();
    it.losesLock();
    it.isGranted();
    it.passes(20_000);
    expect(it.state).toMatchObject({ mode: 'streaming', streams: [{ key }] });
  });
});

describe('a follower', () => {
  test('holds no stream, whatever happens to the page', () => {
    const it = followingTab();
    it.happens('woke');
    it.happens('online');
    it.passes(600_000);
    expect(it.state).toMatchObject({ mode: 'standby', streams: [], poll: null });
  });

  test('keeps updates that are ahead while it asks the log, and accepts them after that', () => {
    const it = followingTab();
    it.receives('40-4~aaaaaa', [5], '50-5~aaaaaa');
    it.receives('50-5~aaaaaa', [6], '60-6~aaaaaa');
    expect(it.state.poll).toMatchObject({ after: '30-3~aaaaaa', waitSeconds: 0 });
    it.isPolled([eventItem(4)], '40-4~aaaaaa');
    expect(it.accepted).toEqual(['40-4', '50-5', '60-6']);
    expect(it.state).toMatchObject({ poll: null, pollAt: null });
    expect(it.tab().following.ahead).toEqual([]);
  });

  test('asks the log again, less and less often, while the log lags behind the leader', () => {
    const it = followingTab();
    it.chance(1);
    it.receives('40-4~aaaaaa', [5], '50-5~aaaaaa');
    const waits: number[] = [];
    for (let count = 0; count < 4; count += 1) {
      it.isPolled([], '30-3~aaaaaa');
      waits.push((it.tab().following.catchUpAt ?? 0) - it.now);
      it.passes(waits.at(-1) ?? 0);
    }
    expect(waits).toEqual([500, 1_000, 2_000, 4_000]);
  });

  test('asks again after a poll that failed', () => {
    const it = followingTab();
    it.receives('40-4~aaaaaa', [5], '50-5~aaaaaa');
    it.pollFails();
    it.passes(500);
    it.isPolled([eventItem(4), eventItem(5)], '50-5~aaaaaa');
    expect(it.accepted).toEqual(['40-4', '50-5']);
  });

  test('asks the log what a leader’s loss means for it, even where the leader went back', () => {
    const it = followingTab();
    it.receives('20-2~aaaaaa', [], '20-2~aaaaaa', { hasGap: true });
    it.isPolled([gapItem({ reason: 'restarted', missed: null }, '20-2~aaaaaa')], '20-2~aaaaaa');
    expect(it.accepted).toEqual(['gap restarted']);
    expect(it.state.poll).toBeNull();
  });

  test('asks the log again about a leader’s loss when a catch-up was aborted', () => {
    const it = followingTab();
    it.receives('20-2~aaaaaa', [], '20-2~aaaaaa', { hasGap: true });
    it.happens('frozen');
    expect(it.state.poll).toBeNull();
    it.happens('restored');
    it.receives('20-2~aaaaaa', [], '20-2~aaaaaa');
    it.isPolled([gapItem({ reason: 'restarted', missed: null }, '20-2~aaaaaa')], '20-2~aaaaaa');
    expect(it.accepted).toEqual(['gap restarted']);
  });

  test('asks the log again about a loss that the leader reported while a page was on its way', () => {
    const it = followingTab();
    it.receives('40-4~aaaaaa', [5], '50-5~aaaaaa');
    it.receives('20-2~aaaaaa', [], '20-2~aaaaaa', { hasGap: true });
    it.isPolled([eventItem(4), eventItem(5)], '50-5~aaaaaa');
    it.passes(500);
    it.isPolled([gapItem({ reason: 'restarted', missed: null }, '20-2~aaaaaa')], '20-2~aaaaaa');
    expect(it.accepted).toEqual(['40-4', '50-5', 'gap restarted']);
  });

  test('that the server refuses for good stops', () => {
    const it = followingTab();
    it.receives('40-4~aaaaaa', [5], '50-5~aaaaaa');
    it.tell({
      kind: 'pollRefused',
      poll: it.state.poll?.key ?? 0,
      refusal: refusalOf(403),
    });
    expect(it.state.mode).toBe('stopped');
  });
});

test('a gap is not sent to other tabs, since each has its own', () => {
  const { tab, state } = streamingTab();
  const gap = gapItem({ missed: 3 }, '30-3~aaaaaa');
  const report = reportOf(tab().following, state, 0);
  const message = buildTabUpdate({ tab: 'a', isLeader: true }, report, state.reader, state.reader, [gap]);
  expect(message).toMatchObject({ hasGap: true, from: '30-3~aaaaaa', cursor: '30-3~aaaaaa', events: [] });
});

test('with a type filter, a tab asks the log about an update that does not begin at its own position', () => {
  const it = streamingTab({ isFiltered: true }, '40-4~aaaaaa');
  it.losesLock();
  it.receives('20-2~aaaaaa', [7], '70-7~aaaaaa');
  expect(it.accepted).toEqual([]);
  expect(it.state.poll).not.toBeNull();
});

test('with a type filter, a tab accepts an update that begins at its own position', () => {
  const it = streamingTab({ isFiltered: true }, '40-4~aaaaaa');
  it.losesLock();
  it.receives('40-4~aaaaaa', [7], '70-7~aaaaaa');
  expect(it.accepted).toEqual(['70-7']);
});
