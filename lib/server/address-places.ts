import { FeedError } from '../core/feed-error.ts';

/** What each address holds in this process: a place for each channel of its streams and of its polls that wait. */
export type AddressPlaces = {
  /** Whether there is a limit. Without one no address need be known: to ask a socket for it is a call to the system. */
  readonly isLimited: boolean;
  /**
   * Takes places for a stream, or for a poll that waits; the function given back gives them back, once. Each of its
   * channels takes one, because each may cost the process a subscription.
   * @param address as `request-address.ts` tells it; null where it is not known: then there is a place.
   * @throws FeedError `too-many-streams`. Not `rate-limited`: a client that is told to wait would wait for as long as
   * others hold the places; told this, it goes on by polling.
   */
  take(address: string | null, channels: number): () => void;
};

/** @param most places of one address; null: no limit, and nothing is counted. */
export function createAddressPlaces(most: number | null): AddressPlaces {
  const taken = new Map<string, number>();
  return {
    isLimited: most !== null,
    take(address, channels) {
      if (most === null || address === null) return () => undefined;
      const held = taken.get(address) ?? 0;
      if (held + channels > most) {
        throw new FeedError(
          'too-many-streams',
          `your address reads ${held} channels here by streams and polls that wait, asks for ${channels} more, and may read ${most} (STREAM_MAX_PER_ADDRESS); poll, or try again shortly`,
        );
      }
      taken.set(address, held + channels);
      let isTaken = true;
      return () => {
        if (!isTaken) return;
        isTaken = false;
        const left = (taken.get(address) ?? channels) - channels;
        if (left > 0) taken.set(address, left);
        else taken.delete(address);
      };
    },
  };
}
