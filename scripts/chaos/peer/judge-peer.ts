import type { Emission } from './peer-mark.ts';

/** What a reader of the peer was told, in the order it was told. */
export type PeerHistory = {
  readonly channels: readonly string[];
  /** Whether it was told the last event of each of its channels. */
  readonly isAtEnd: boolean;
  readonly told: readonly { readonly channel: string; readonly id: string; readonly name: string }[];
};

/** What was wrong with all that readers were told, in deliveries: an event that two readers missed counts as two. */
export type PeerFaults = {
  /** Acknowledged, kept by Redis up to the end, and never told to a reader that got there. */
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

/**
 * Holds what the readers of the peer were told against what was acknowledged. Nothing is counted as lost that was not
 * acknowledged, nor for a reader that did not get to the end.
 * @param kept the names of all events that Redis has at the end.
 */
export function judgePeer(
  acknowledged: readonly Emission[],
  kept: ReadonlySet<string>,
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
    for (const { name, channel } of isAtEnd ? acknowledged : []) {
      if (names.has(name) || !channels.includes(channel)) continue;
      if (kept.has(name)) faults.lost += 1;
      else faults.lostWithData += 1;
    }
  }
  return faults;
}

/** Whether an id of a Redis stream, `<time>-<seq>`, is after another. */
function isAfter(id: string | undefined, other: string): boolean {
  if (id === undefined) return false;
  const [time = 0, seq = 0] = id.split('-').map(Number);
  const [otherTime = 0, otherSeq = 0] = other.split('-').map(Number);
  return time > otherTime || (time === otherTime && seq > otherSeq);
}
