import { describe, expect, test } from 'vitest';
import {
  type Election,
  type ElectionSignal,
  elect,
  newElection,
} from '../../../lib/client/tabs/leader-election.ts';

/** A tab's part, its time moved by hand; chance is 0.5. */
function tab(...signals: readonly ElectionSignal['kind'][]) {
  let state: Election = newElection();
  let now = 0;
  const it = {
    get state() {
      return state;
    },
    tell(signal: ElectionSignal) {
      state = elect(state, signal, now, 0.5);
      return it;
    },
    happens: (kind: Exclude<ElectionSignal['kind'], 'granted' | 'lost' | 'leaderReported'>) =>
      it.tell({ kind }),
    /** The timer fires, `lateMs` after its time. */
    timer(lateMs = 0) {
      now = (state.timer?.at ?? now) + lateMs;
      return it.tell({ kind: 'timer' });
    },
    granted: () => it.tell({ kind: 'granted', lock: state.lock?.key ?? -1 }),
    leaderReports: (isVisible = true) => it.tell({ kind: 'leaderReported', isVisible }),
  };
  for (const kind of signals) it.happens(kind as 'started');
  return it;
}
const follower = () => tab('started', 'joined').leaderReports();

describe('a tab that begins', () => {
  test('queues for the lock, and asks who leads', () => {
    expect(tab('started', 'joined').state).toMatchObject({
      role: 'joining',
      lock: { how: 'queue' },
      outbox: 'ask',
    });
  });

  test('reads by itself when no channel opens within 1 s, and shares when one does', () => {
    const it = tab('started').timer();
    expect(it.state).toMatchObject({ role: 'alone', lock: null, timer: null });
    expect(it.happens('joined').state).toMatchObject({ role: 'joining', lock: { how: 'queue' } });
  });

  test('takes the lock when nobody answers, and reads by itself when the browser does not give it', () => {
    const it = tab('started', 'joined').timer();
    expect(it.state.lock?.how).toBe('steal');
    expect(it.timer().state).toMatchObject({ role: 'alone', lock: null });
  });
});

describe('a follower', () => {
  test('asks after silence, and takes the lock when no answer comes, within 1 s', () => {
    const it = follower().timer();
    expect(it.state.outbox).toBe('ask');
    expect(it.timer().state.lock).toMatchObject({ how: 'steal', isHandover: false });
    expect(it.state.timer?.at).toBeLessThan(1_000 + 5_000);
  });

  test('that was late itself asks once more, not twice', () => {
    const it = follower().timer().timer(2_000);
    expect(it.state).toMatchObject({ outbox: 'ask', lock: { how: 'queue' } });
    expect(it.timer(2_000).state.lock?.how).toBe('steal');
  });

  test('takes the lock from a leader that is hidden, as a handover', () => {
    const it = follower().leaderReports(false);
    expect(it.state.timer).toMatchObject({ name: 'take' });
    expect(it.timer().state.lock).toMatchObject({ how: 'steal', isHandover: true });
  });

  test('leaves the lock to another visible tab that was faster', () => {
    const it = follower().leaderReports(false).leaderReports(true);
    expect(it.state).toMatchObject({ timer: { name: 'ask' }, lock: { how: 'queue' } });
  });

  test('that is hidden leaves a hidden leader alone, until it is shown', () => {
    const it = follower().happens('hidden').leaderReports(false);
    expect(it.state).toMatchObject({ timer: { name: 'ask' }, lock: { how: 'queue' } });
    expect(it.happens('visible').state.lock).toMatchObject({ how: 'steal', isHandover: true });
  });

  test('ignores a lock that it no longer wants', () => {
    const it = follower();
    it.tell({ kind: 'granted', lock: 99 }).tell({ kind: 'lost', lock: 99 });
    expect(it.state.role).toBe('follower');
  });
});

describe('a leader', () => {
  const leader = () => tab('started', 'joined').granted();

  test('sends an update at once, and whenever it is asked, hidden or shown', () => {
    const it = leader();
    expect(it.state).toMatchObject({ role: 'leader', timer: null, outbox: 'update' });
    for (const kind of ['asked', 'hidden', 'visible'] as const)
      expect(it.happens(kind).state.outbox).toBe('update');
  });

  test('stays the leader while it has the lock, whatever another tab reports', () => {
    expect(leader().leaderReports().state.role).toBe('leader');
  });

  test('that loses the lock follows, and queues for it', () => {
    const it = leader();
    it.tell({ kind: 'lost', lock: it.state.lock?.key ?? -1 });
    expect(it.state).toMatchObject({ role: 'follower', lock: { how: 'queue' }, timer: { name: 'ask' } });
  });

  test('that leaves wants no lock and has no timer', () => {
    expect(leader().happens('left').state).toMatchObject({ role: 'off', lock: null, timer: null });
  });
});
