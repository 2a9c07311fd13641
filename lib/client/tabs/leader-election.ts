/*
 * Leader election: which of a browser's tabs reads for all of them. A Web Lock decides, so two tabs never lead at once.
 * Messages between tabs only say when it is time to take the lock: from a leader that is hidden, or does not answer.
 */

/** The lock as a tab wants it: in its turn, or taken from the tab that holds it. */
export type WantedLock = {
  /** Names the request. A tab never uses a key twice. */
  readonly key: number;
  readonly how: 'queue' | 'steal';
  /** The tab that holds it reads on until this tab does. */
  readonly isHandover: boolean;
  /** The reader asked to read now, before the next planned try. */
  readonly isRequested: boolean;
};

/** A tab's part in the election. Only `elect` changes it. */
export type Election = {
  /**
   * `off`: it reads nothing and takes no part. `joining`: it does not know yet who leads. `alone`: it cannot share, and
   * reads by itself.
   */
  readonly role: 'off' | 'joining' | 'alone' | 'follower' | 'leader';
  /** Counts how often the tab has begun to take part. */
  readonly session: number;
  readonly isHidden: boolean;
  readonly isLeaderHidden: boolean;
  readonly lock: WantedLock | null;
  /**
   * `ask`: the leader has been silent, so ask it. `answer`: no answer came. `take`: the leader is hidden and this tab is
   * not, so take the lock.
   */
  readonly timer: { readonly name: 'ask' | 'answer' | 'take'; readonly at: number } | null;
  /** This tab itself was late when the answer was due, and has asked once more. */
  readonly hasAskedAgain: boolean;
  /** What the last signal wants sent to the other tabs. */
  readonly outbox: 'ask' | 'update' | null;
  readonly nextKey: number;
};

export type ElectionSignal =
  | { readonly kind: 'granted' | 'lost'; readonly lock: number }
  | { readonly kind: 'leaderReported'; readonly isVisible: boolean }
  /**
   * `started` and `left`: the tab begins or ends to read. `joined`: the channel to the other tabs is open. `unavailable`:
   * there is no channel, or no lock. `asked`: another tab asks who leads.
   */
  | { readonly kind: 'started' | 'left' | 'joined' | 'unavailable' | 'asked' }
  | { readonly kind: 'visible' | 'hidden' | 'woke' | 'retry' | 'timer' };

/** How long a tab waits for its channel, in ms. Then it reads by itself. */
const joinMs = 1_000;

/** Silence of a leader in ms before it is asked, and how long its answer may take. Together less than 1 s. */
const silenceMs = 300;
const answerMs = 400;

/** The same for a hidden tab: nobody is looking, and the browser delays its timers on purpose. */
const hiddenSilenceMs = 30_000;
const hiddenAnswerMs = 5_000;

/** Visible tabs take the lock from a hidden leader after a random time up to this many ms, so that one is the first. */
const takeMs = 100;

/** A timer that comes more than this many ms late was held up. An answer may be waiting unread. */
const lateMs = 150;

/** How long the browser may take to give a lock, in ms. Then locks do not work here. */
const stealMs = 5_000;

/** A tab that takes no part yet. */
export function newElection(): Election {
  return {
    role: 'off',
    session: 0,
    isHidden: false,
    isLeaderHidden: false,
    lock: null,
    timer: null,
    hasAskedAgain: false,
    outbox: null,
    nextKey: 1,
  };
}

/**
 * The reducer of the election.
 * @param now ms of a clock that never goes back.
 * @param random 0 ≤ x < 1, a new one for each signal.
 */
export function elect(before: Election, signal: ElectionSignal, now: number, random: number): Election {
  const state = before.outbox === null ? before : { ...before, outbox: null };
  switch (signal.kind) {
    case 'started':
      return start(state, now);
    case 'left':
      return { ...state, role: 'off', lock: null, timer: null, isLeaderHidden: false };
    case 'unavailable':
      return state.role === 'off' ? state : { ...state, role: 'alone', lock: null, timer: null };
    case 'joined':
      return state.role === 'off' ? state : ask({ ...wantLock(state, 'queue'), role: 'joining' }, now);
    case 'granted':
      if (state.lock?.key !== signal.lock) return state;
      return { ...state, role: 'leader', timer: null, isLeaderHidden: false, outbox: 'update' };
    case 'lost':
      if (state.lock?.key !== signal.lock) return state;
      return watchLeader({ ...wantLock(state, 'queue'), role: 'follower' }, now, random);
    case 'leaderReported':
      return onLeaderReported({ ...state, isLeaderHidden: !signal.isVisible }, now, random);
    case 'asked':
      return state.role === 'leader' ? { ...state, outbox: 'update' } : state;
    case 'visible':
      return onVisible({ ...state, isHidden: false }, now);
    case 'hidden':
      return onHidden({ ...state, isHidden: true }, now, random);
    case 'woke':
      return state.role === 'follower' && !isStealing(state) ? ask(state, now) : state;
    case 'retry':
      return state.role === 'follower' ? steal(state, { isHandover: false, isRequested: true }, now) : state;
    case 'timer':
      return state.timer !== null && state.timer.at <= now ? onTimer(state, state.timer, now) : state;
    default:
      return signal satisfies never;
  }
}

function start(state: Election, now: number): Election {
  if (state.role !== 'off') return state;
  const timer = { name: 'answer', at: now + joinMs } as const;
  return { ...state, role: 'joining', session: state.session + 1, timer };
}

function onLeaderReported(state: Election, now: number, random: number): Election {
  // Two tabs may say for a moment that they lead. The lock decides, not their reports.
  if (state.role !== 'joining' && state.role !== 'follower') return state;
  const follower: Election = { ...state, role: 'follower', hasAskedAgain: false };
  // The browser has been asked for the lock, and has its own time limit.
  if (isStealing(follower)) return follower;
  if (!follower.isLeaderHidden || follower.isHidden) return watchLeader(follower, now, random);
  if (follower.timer?.name === 'take') return follower;
  return { ...follower, timer: { name: 'take', at: now + random * takeMs } };
}

function onVisible(state: Election, now: number): Election {
  switch (state.role) {
    case 'leader':
      return { ...state, outbox: 'update' };
    case 'follower':
      if (isStealing(state)) return state;
      return state.isLeaderHidden ? steal(state, fromHidden, now) : ask(state, now);
    case 'joining':
      return state.lock === null ? state : ask(state, now);
    case 'off':
    case 'alone':
      return state;
    default:
      return state.role satisfies never;
  }
}

function onHidden(state: Election, now: number, random: number): Election {
  if (state.role === 'leader') return { ...state, outbox: 'update' };
  return state.role === 'follower' && !isStealing(state) ? watchLeader(state, now, random) : state;
}

function onTimer(state: Election, { name, at }: NonNullable<Election['timer']>, now: number): Election {
  switch (name) {
    case 'ask':
      return ask(state, now);
    case 'take':
      return steal(state, fromHidden, now);
    case 'answer':
      if (now - at > lateMs && !state.hasAskedAgain)
        return { ...waitOnceMore(state, now), hasAskedAgain: true };
      // No channel in time, or the browser neither gives nor refuses the lock.
      if (state.lock === null || isStealing(state))
        return { ...state, role: 'alone', lock: null, timer: null };
      return steal(state, { isHandover: false, isRequested: false }, now);
    default:
      return name satisfies never;
  }
}

/** Asks the leader if it stays silent. The random part keeps tabs from asking all at once: one answer is for all. */
function watchLeader(state: Election, now: number, random: number): Election {
  const silence = state.isHidden ? hiddenSilenceMs : silenceMs;
  return { ...state, timer: { name: 'ask', at: now + silence * (1 + random / 3) } };
}

function ask(state: Election, now: number): Election {
  const at = now + (state.isHidden ? hiddenAnswerMs : answerMs);
  return { ...state, outbox: 'ask', timer: { name: 'answer', at }, hasAskedAgain: false };
}

/** This tab itself was late: whatever it waits for gets its time once more. */
function waitOnceMore(state: Election, now: number): Election {
  if (state.lock === null) return { ...state, timer: { name: 'answer', at: now + joinMs } };
  return isStealing(state) ? { ...state, timer: { name: 'answer', at: now + stealMs } } : ask(state, now);
}

function isStealing({ lock }: Election): boolean {
  return lock?.how === 'steal';
}

type LockReason = Pick<WantedLock, 'isHandover' | 'isRequested'>;

const fromHidden: LockReason = { isHandover: true, isRequested: false };

function steal(state: Election, reason: LockReason, now: number): Election {
  return {
    ...wantLock(state, 'steal', reason),
    timer: { name: 'answer', at: now + stealMs },
    hasAskedAgain: false,
  };
}

function wantLock(
  state: Election,
  how: WantedLock['how'],
  reason: LockReason = { isHandover: false, isRequested: false },
): Election {
  return { ...state, lock: { key: state.nextKey, how, ...reason }, nextKey: state.nextKey + 1 };
}
