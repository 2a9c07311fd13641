/** What a reader of the peer received, in order. */
export type PeerHistory = {
  readonly channels: readonly string[];
  /** Whether it got the last event of each of its channels. */
  readonly isAtEnd: boolean;
  readonly received: readonly { readonly channel: string; readonly id: string; readonly name: string }[];
};

/** The failures of all readers, counted in deliveries: an event that two readers missed counts twice. */
export type PeerFaults = {
  /**
   * Events that were acknowledged and that Redis had, but that a reader that reached the end never received. Redis has
   * them at the end, or had them when it stored a later event of the channel that the reader received.
   */
  readonly lost: number;
  /** Acknowledged events that were lost together with data of Redis. Without a gap nobody knows of them. */
  readonly lostWithData: number;
  /** The same entry of the stream, received again. */
  readonly toldTwice: number;
  /** Another entry with an event that was received before, because a retry stored it again. */
  readonly storedTwice: number;
  /** Received for the first time after a later entry of its channel. */
  readonly outOfOrder: number;
};

/** The state of the peer's streams. */
export type PeerStreams = {
  /** The names of all events that Redis has at the end. */
  readonly kept: ReadonlySet<string>;
  /** When Redis lost data, in ms since the epoch. */
  readonly losses: readonly number[];
};

/**
 * Compares what the readers of the peer received with the acknowledged events. An event without an acknowledgement is not
 * counted as lost, and neither is any event of a reader that did not reach the end.
 */
export function judgePeer(
  acknowledged: readonly Emission[],
  { kept, losses }: PeerStreams,
  histories: readonly PeerHistory[],
): PeerFaults {
  const faults = { lost: 0, lostWithData: 0, toldTwice: 0, storedTwice: 0, outOfOrder: 0 };
  for (const { channels, isAtEnd, received } of histories) {
    const ids = new Set<string>();
    const names = new Set<string>();
    const last = new Map<string, string>();
    for (const { channel, id, name } of received) {
      const entry = `${channel} ${id}`;
      if (ids.has(entry)) {
        faults.toldTwice += 1;
        continue;
      }
      ids.add(entry);
      if (names.has(name)) faults.storedTwice += 1;
      names.add(name);
      if (isAfter(last.get(channel), id)) faults.outOfOrder += 1;
      else last.set(channel, id);
    }
    for (const emission of isAtEnd ? acknowledged : []) {
      const { name, channel } = emission;
      if (names.has(name) || !channels.includes(channel)) continue;
      if (kept.has(name) || isPassedOver(emission, received, losses)) faults.lost += 1;
      else faults.lostWithData += 1;
    }
  }
  return faults;
}

/** Whether a reader received a later event of the channel that Redis stored before it lost data. */
function isPassedOver(
  { channel, at }: Emission,
  received: PeerHistory['received'],
  losses: readonly number[],
): boolean {
  const lossAt = losses.find((each) => each >= at) ?? Number.POSITIVE_INFINITY;
  return received.some((each) => {
    const [storedAt = 0] = each.id.split('-').map(Number);
    return each.channel === channel && storedAt > at && storedAt < lossAt;
  });
}

/** Whether an id of a Redis stream, `<time>-<seq>`, is after another. */
function isAfter(id: string | undefined, other: string): boolean {
  if (id === undefined) return false;
  const [time = 0, seq = 0] = id.split('-').map(Number);
  const [otherTime = 0, otherSeq = 0] = other.split('-').map(Number);
  return time > otherTime || (time === otherTime && seq > otherSeq);
}

/** The data of each event of the peer; it identifies the event. */
export type PeerMark = {
  /** The same for all attempts to publish this event. */
  readonly name: string;
  /** When it was sent first, by `performance.now()`, in ms. */
  readonly at: number;
};

/** An acknowledged event of the peer. */
export type Emission = {
  readonly name: string;
  readonly channel: string;
  /** When it was acknowledged, in ms since the epoch. */
  readonly at: number;
};
