import { setTimeout as sleep } from 'node:timers/promises';
import type { Seeded } from '../../support/seeded.ts';
import type { FeedName } from './readers/record.ts';

/** An event that a server has stored. */
export type Published = {
  readonly feed: FeedName;
  /** The name under which readers report it. */
  readonly name: string;
  /** In ms since 1970. */
  readonly at: number;
};

/** Publishes one event. @throws Error if the server does not store it. */
export type Publish = (feed: FeedName) => Promise<Published>;

/** The pauses between two events of each feed, in ms. */
const pauses: Readonly<Record<FeedName, readonly [least: number, most: number]>> = {
  quiet: [12_000, 22_000],
  busy: [400, 600],
};

/** Publishes on one feed until `stop`. @returns all events, after the last one is stored. */
export function startPublishing(publish: Publish, feed: FeedName, draw: Seeded) {
  const published: Published[] = [];
  const over = new AbortController();
  const going = (async () => {
    while (!over.signal.aborted) {
      published.push(await publish(feed));
      await sleep(draw.whole(...pauses[feed]), null, { signal: over.signal }).catch(() => undefined);
    }
  })();
  // `stop` rejects with the error; until then Node must not report it as unhandled.
  going.catch(() => undefined);
  return {
    async stop(): Promise<readonly Published[]> {
      over.abort();
      await going;
      return published;
    },
  };
}
