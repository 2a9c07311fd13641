/** What can be done to one call, instead of or besides answering it. */
export type CallFault =
  /** Answered with HTTP 500, not executed. */
  | 'fail'
  /** The socket is closed, nothing is executed. */
  | 'drop'
  /** Executed, then the socket is closed without an answer. */
  | 'lose-answer';

/** How the endpoint misbehaves. Every field may be changed at any time; it holds from the next call on. */
export type Faults = {
  /** Delay of every call and of every new subscription, in ms. */
  latencyMs: number;
  /** Random delay on top of it, up to this, in ms. */
  jitterMs: number;
  /**
   * How long one way between the caller and Redis takes, in ms, drawn evenly between the two; null: no time. A call takes
   * it twice, ahead of being executed and ahead of its answer, as a network would make it: a round trip of 4 to 12 ms is
   * two ways of 2 to 6. What a subscription is sent, its acknowledgement and each announcement, takes it once, and
   * overtakes nothing that was sent before it.
   */
  wayMs: { readonly least: number; readonly most: number } | null;
  /** What happens to the next calls, one each, ahead of the shares below. */
  readonly nextCalls: CallFault[];
  /** Share of calls, 0 to 1, that fail, are dropped, or lose their answer. */
  failShare: number;
  dropShare: number;
  loseAnswerShare: number;
  /** Every call is answered with this error text and not executed: `OOM …`, `READONLY …`. null: none is. */
  errorText: string | null;
  /** New subscriptions are refused with this HTTP status; null: they are not. */
  refuseSubscriptions: number | null;
  /** Open and new subscriptions write nothing, the acknowledgement included, and stay open. Nothing is made up for. */
  isSilent: boolean;
  /** Share of announcements, 0 to 1, that are not delivered. Decided for each subscription on its own. */
  loseAnnouncementShare: number;
  /** Share of announcements, 0 to 1, that are delivered twice. */
  repeatAnnouncementShare: number;
  /** Announcements are kept back; they go out, in order, at the next `releaseAnnouncements`. */
  isHoldingAnnouncements: boolean;
  /** Random delay of each announcement on its own, up to this, in ms: they overtake each other. */
  announcementJitterMs: number;
  /** Port of a replica on this machine that answers scripts which only read; null: the server itself does. */
  replicaPort: number | null;
  /** Where the shares draw from; replace it by a seeded one to repeat a run. */
  random: () => number;
};

/** An endpoint that behaves. */
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

/** Draws what happens to one call; null: it is answered. */
export function drawCallFault(faults: Faults): CallFault | null {
  const next = faults.nextCalls.shift();
  if (next !== undefined) return next;
  const drawn = faults.random();
  if (drawn < faults.failShare) return 'fail';
  if (drawn < faults.failShare + faults.dropShare) return 'drop';
  if (drawn < faults.failShare + faults.dropShare + faults.loseAnswerShare) return 'lose-answer';
  return null;
}

/** Draws how long one way takes, in ms. */
export function drawWayMs({ wayMs, random }: Faults): number {
  return wayMs === null ? 0 : wayMs.least + (wayMs.most - wayMs.least) * random();
}

/** Draws the delay of one call ahead of being executed, but for the way to Redis, in ms. */
export function drawDelayMs(faults: Faults): number {
  return faults.latencyMs + faults.jitterMs * faults.random();
}
