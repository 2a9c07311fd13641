/** What a publisher of the peer puts into an event's data, so that the event is known again. */
export type PeerMark = {
  /** Of all emissions, whichever try it was. */
  readonly name: string;
  /** When it was first sent, in ms of `performance.now()`. */
  readonly at: number;
};

/** Something that was acknowledged to a publisher of the peer. */
export type Emission = {
  readonly name: string;
  readonly channel: string;
  /** When it was acknowledged, in ms since the epoch. */
  readonly at: number;
};
