/*
 * Which of a browser's tabs reads for all. A lock decides, so that there is never more than one that holds it; what
 * tabs say to each other only tells when it is time to take it: from a tab that is hidden, or does not answer.
 */

/** The lock as a tab wants it: to wait for it in turn, or to take it from whoever holds it. */
export type WantedLock = {
  /** Names the wish; never used twice by a tab. */
  readonly key: number;
  readonly how: 'queue' | 'steal';
  /** It is taken from a tab that reads on until this one does. */
  readonly isHandover: boolean;
  /** It is the reader's own wish to read now, whatever was to be waited for. */
  readonly isWish: boolean;
};

/** A tab's part in sharing one connection. It changes by `share` alone. */
export type Sharing = {
  /**
   * `off`: it reads nothing, and takes no part. `joining`: it does not know yet who leads. `alone`: it cannot share, and
   * reads for itself.
   */
  readonly role: 'off' | 'joining' | 'alone' | 'follower' | 'leader';
  /** False where there is nobody to share with: `alone` is all it can be. */
  readonly isPossible: boolean;
  /** Counts how often it began to take part. */
  readonly session: number;
  readonly isHidden: boolean;
  readonly isLeaderHidden: boolean;
  readonly lock: WantedLock | null;
  /** `ask`: the leader was silent for long. `answer`: it does not answer. `take`: it is hidden, and this tab is not. */
  readonly timer: { readonly name: 'ask' | 'answer' | 'take'; readonly at: number } | null;
  /** This tab was late itself when the answer was due: it has asked once more. */
  readonly isPatient: boolean;
  /** What the last signal wants said to the other tabs. */
  readonly says: 'ask' | 'told' | null;
  readonly nextKey: number;
};

export type SharingSignal =
  | { readonly kind: 'granted' | 'lost'; readonly lock: number }
  | { readonly kind: 'leaderTold'; readonly isVisible: boolean }
  /** It may be `joined`: the channel to the other tabs is open. `unshared`: there is none, or no lock. */
  | { readonly kind: 'started' | 'joined' | 'unshared' | 'left' | 'asked' }
  | { readonly kind: 'visible' | 'hidden' | 'woke' | 'retry' | 'timer' };

/** Longest time in ms until a tab has a channel to the others; then it reads for itself. */
const joinMs = 1_000;

/** Silence in ms after which a leader is asked; and how long its answer may take. Together less than 1 s. */
const silenceMs = 300;
const answerMs = 400;

/** The same for a tab that is hidden: nobody is looking, and its timers are late by the browser's will. */
const hiddenSilenceMs = 30_000;
const hiddenAnswerMs = 5_000;

/** Of several visible tabs one is the first to take the lock from a hidden one: up to this many ms. */
const takeMs = 100;

/** A timer later than this many ms was held up: an answer may lie behind it unread. */
const lateMs = 150;

/** Longest time in ms to take the lock; then locks do not work here. */
const stealMs = 5_000;

export function newSharing(isPossible: boolean): Sharing {
  return {
    role: isPossible ? 'off' : 'alone',
    isPossible,
    session: 0,
    isHidden: false,
    isLeaderHidden: false,
    lock: null,
    timer: null,
    isPatient: false,
    says: null,
    nextKey: 1,
  };
}

/**
 * What a tab's part becomes when something happens.
 * @param now ms of a clock that never goes back.
 * @param random 0 ≤ x < 1, a new one for each signal.
 */
export function share(before: Sharing, signal: SharingSignal, now: number, random: number): Sharing {
  const state = before.says === null ? before : { ...before, says: null };
  if (!state.isPossible) return state;
  switch (signal.kind) {
    case 'started':
      return start(state, now);
    case 'left':
      return { ...state, role: 'off', lock: null, timer: null, isLeaderHidden: false };
    case 'unshared':
      return state.role === 'off' ? state : { ...state, role: 'alone', lock: null, timer: null };
    case 'joined':
      return state.role === 'off' ? state : ask({ ...want(state, 'queue'), role: 'joining' }, now);
    case 'granted':
      if (state.lock?.key !== signal.lock) return state;
      return { ...state, role: 'leader', timer: null, isLeaderHidden: false, says: 'told' };
    case 'lost':
      if (state.lock?.key !== signal.lock) return state;
      return listen({ ...want(state, 'queue'), role: 'follower' }, now, random);
    case 'leaderTold':
      return onLeaderTold({ ...state, isLeaderHidden: !signal.isVisible }, now, random);
    case 'asked':
      return state.role === 'leader' ? { ...state, says: 'told' } : state;
    case 'visible':
      return onVisible({ ...state, isHidden: false }, now);
    case 'hidden':
      return onHidden({ ...state, isHidden: true }, now, random);
    case 'woke':
      return state.role === 'follower' && !isStealing(state) ? ask(state, now) : state;
    case 'retry':
      return state.role === 'follower' ? steal(state, { isHandover: false, isWish: true }, now) : state;
    case 'timer':
      return state.timer !== null && state.timer.at <= now ? onTimer(state, state.timer, now) : state;
    default:
      return signal satisfies never;
  }
}

function start(state: Sharing, now: number): Sharing {
  if (state.role !== 'off') return state;
  return {
    ...state,
    role: 'joining',
    session: state.session + 1,
    timer: { name: 'answer', at: now + joinMs },
  };
}

function onLeaderTold(state: Sharing, now: number, random: number): Sharing {
  // With two leaders for a moment the lock decides, not what they say.
  if (state.role !== 'joining' && state.role !== 'follower') return state;
  const follower: Sharing = { ...state, role: 'follower', isPatient: false };
  // The lock is on its way, and has its own time.
  if (isStealing(follower)) return follower;
  if (!follower.isLeaderHidden || follower.isHidden) return listen(follower, now, random);
  if (follower.timer?.name === 'take') return follower;
  return { ...follower, timer: { name: 'take', at: now + random * takeMs } };
}

function onVisible(state: Sharing, now: number): Sharing {
  switch (state.role) {
    case 'leader':
      return { ...state, says: 'told' };
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

function onHidden(state: Sharing, now: number, random: number): Sharing {
  if (state.role === 'leader') return { ...state, says: 'told' };
  return state.role === 'follower' && !isStealing(state) ? listen(state, now, random) : state;
}

function onTimer(state: Sharing, { name, at }: NonNullable<Sharing['timer']>, now: number): Sharing {
  switch (name) {
    case 'ask':
      return ask(state, now);
    case 'take':
      return steal(state, fromHidden, now);
    case 'answer':
      if (now - at > lateMs && !state.isPatient) return { ...waitOnce(state, now), isPatient: true };
      // No channel in time, or a lock that is neither given nor refused.
      if (state.lock === null || isStealing(state))
        return { ...state, role: 'alone', lock: null, timer: null };
      return steal(state, { isHandover: false, isWish: false }, now);
    default:
      return name satisfies never;
  }
}

/** Hears the leader; silence will be asked about. Not all tabs ask at once: one answer is for all. */
function listen(state: Sharing, now: number, random: number): Sharing {
  const silence = state.isHidden ? hiddenSilenceMs : silenceMs;
  return { ...state, timer: { name: 'ask', at: now + silence * (1 + random / 3) } };
}

function ask(state: Sharing, now: number): Sharing {
  const at = now + (state.isHidden ? hiddenAnswerMs : answerMs);
  return { ...state, says: 'ask', timer: { name: 'answer', at }, isPatient: false };
}

/** This tab was late itself: what it waits for gets its time once more. */
function waitOnce(state: Sharing, now: number): Sharing {
  if (state.lock === null) return { ...state, timer: { name: 'answer', at: now + joinMs } };
  return isStealing(state) ? { ...state, timer: { name: 'answer', at: now + stealMs } } : ask(state, now);
}

function isStealing({ lock }: Sharing): boolean {
  return lock?.how === 'steal';
}

type Why = Pick<WantedLock, 'isHandover' | 'isWish'>;

const fromHidden: Why = { isHandover: true, isWish: false };

function steal(state: Sharing, why: Why, now: number): Sharing {
  return {
    ...want(state, 'steal', why),
    timer: { name: 'answer', at: now + stealMs },
    isPatient: false,
  };
}

function want(
  state: Sharing,
  how: WantedLock['how'],
  why: Why = { isHandover: false, isWish: false },
): Sharing {
  return { ...state, lock: { key: state.nextKey, how, ...why }, nextKey: state.nextKey + 1 };
}
