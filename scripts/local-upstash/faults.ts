/** A fault of one call. */
export type CallFault =
  /** The command does not run, and the answer is HTTP 500. */
  | 'fail'
  /** The command does not run, and the socket is closed. */
  | 'drop'
  /** The command runs, then the socket is closed without an answer. */
  | 'lose-answer';

/** How the endpoint misbehaves. Any field may change at any time; the change applies from the next call on. */
export type Faults = {
  /** Delay of every call and of every new subscription, in ms. */
  latencyMs: number;
  /** The most of a random delay on top of it, in ms. */
  jitterMs: number;
  /**
   * The delay of the network in one direction, in ms: a random time between the two; null: no delay. A call has it
   * twice, before it runs and before its answer, so 2 to 6 ms make a round trip of 4 to 12 ms. A subscription's
   * acknowledgement and announcements have it once, and keep their order.
   */
  wayMs: { readonly least: number; readonly most: number } | null;
  /** The faults of the next calls, one each. They come before the shares below. */
  readonly nextCalls: CallFault[];
  /** The share of calls, 0 to 1, that fail, are dropped, or lose their answer. */
  failShare: number;
  dropShare: number;
  loseAnswerShare: number;
  /** No command runs, and every answer is this error: `OOM …`, `READONLY …`; null: commands run. Subscriptions work. */
  errorText: string | null;
  /** The HTTP status that refuses new subscriptions, with `errorText` if there is one; null: they are accepted. */
  refuseSubscriptions: number | null;
  /** Subscriptions stay open but send nothing, not even the acknowledgement. Nothing of it is sent later. */
  isSilent: boolean;
  /** The share of announcements, 0 to 1, that are lost; each subscription loses its own. */
  loseAnnouncementShare: number;
  /** The share of announcements, 0 to 1, that are sent twice. */
  repeatAnnouncementShare: number;
  /** Announcements are held back until `releaseAnnouncements` sends them, in order. */
  isHoldingAnnouncements: boolean;
  /** The most of a random delay of each announcement, in ms. Announcements overtake each other. */
  announcementJitterMs: number;
  /** The port of a replica on this machine that runs the scripts that only read; null: the server runs them. */
  replicaPort: number | null;
  /** The source of random numbers. Use a seeded one to repeat a run. */
  random: () => number;
};

/** The endpoint behaves. */
export function noFaults(): Faults {
  return {
    latencyMs: 0,
    jitterMs: 0,
    wayMs: null,
    nextCalls: [],
    failShare: 0,
    dropShare: 0,
    loseAnswerShare: 0,
    errorText: null,
    refuseSubscriptions: null,
    isSilent: false,
    loseAnnouncementShare: 0,
    repeatAnnouncementShare: 0,
    isHoldingAnnouncements: false,
    announcementJitterMs: 0,
    replicaPort: null,
    random: Math.random,
  };
}

/** Draws the fault of one call; null: none. */
export function drawCallFault(faults: Faults): CallFault | null {
  const next = faults.nextCalls.shift();
  if (next !== undefined) return next;
  const drawn = faults.random();
  if (drawn < faults.failShare) return 'fail';
  if (drawn < faults.failShare + faults.dropShare) return 'drop';
  if (drawn < faults.failShare + faults.dropShare + faults.loseAnswerShare) return 'lose-answer';
  return null;
}

/** Draws the network's delay in one direction, in ms. */
export function drawWayMs({ wayMs, random }: Faults): number {
  return wayMs === null ? 0 : wayMs.least + (wayMs.most - wayMs.least) * random();
}

/** Draws the delay of one call before it runs, in ms, without the network's delay. */
export function drawDelayMs(faults: Faults): number {
  return faults.latencyMs + faults.jitterMs * faults.random();
}
