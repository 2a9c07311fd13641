/** What a reader of the peer was told, in the order it was told. */
export type PeerHistory = {
  readonly channels: readonly string[];
  /** Whether it was told the last event of each of its channels. */
  readonly isAtEnd: boolean;
  readonly told: readonly { readonly channel: string; readonly id: string; readonly name: string }[];
};

/** What was wrong with all that readers were told, in deliveries: an event that two readers missed counts as two. */
export type PeerFaults = {
  /**
   * Acknowledged, and never told to a reader that got to the end, though Redis had it: up to the end, or still when a
   * later event of the channel was stored, which the reader was told.
   */
  readonly lost: number;
  /** Acknowledged, gone with data that Redis lost, and never told: without a gap nobody knows. */
  readonly lostWithData: number;
  /** One entry of the stream that was told again. */
  readonly toldTwice: number;
  /** Another entry of the stream for an event that was told: a try that was repeated stored it again. */
  readonly storedTwice: number;
  /** Told for the first time after a later entry of its channel. */
  readonly outOfOrder: number;
};

/** What became of the peer's streams. */
export type PeerStreams = {
  /** The names of all events that Redis has at the end. */
  readonly kept: ReadonlySet<string>;
  /** When Redis lost data, in ms since the epoch. */
  readonly losses: readonly number[];
};

/**
 * Holds what the readers of the peer were told against what was acknowledged. Nothing is counted as lost that was not
 * acknowledged, nor for a reader that did not get to the end.
 */
export function judgePeer(
  acknowledged: readonly Emission[],
  { kept, losses }: PeerStreams,
  histories: readonly PeerHistory[],
): PeerFaults {
  const faults = { lost: 0, lostWithData: 0, toldTwice: 0, storedTwice: 0, outOfOrder: 0 };
  for (const { channels, isAtEnd, told } of histories) {
    const ids = new Set<string>();
    const names = new Set<string>();
    const last = new Map<string, string>();
    for (const { channel, id, name } of told) {
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
      if (kept.has(name) || isPassedOver(emission, told, losses)) faults.lost += 1;
      else faults.lostWithData += 1;
    }
  }
  return faults;
}

/** Whether a reader was told a later event of the channel, which Redis got before it lost anything. */
function isPassedOver(
  { channel, at }: Emission,
  told: PeerHistory['told'],
  losses: readonly number[],
): boolean {
  const lossAt = losses.find((each) => each >= at) ?? Number.POSITIVE_INFINITY;
  return told.some((each) => {
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
