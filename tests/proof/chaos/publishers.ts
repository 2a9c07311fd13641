import { seeded } from '../../support/seeded.ts';
import type { Publisher, PublisherOptions } from './publisher.ts';

/** What one publisher has that no other has. */
export type OwnOptions = Pick<PublisherOptions, 'name' | 'url' | 'draw'>;

export type PublishersOptions = {
  readonly count: number;
  /** What each is called, ahead of its number. */
  readonly called: string;
  readonly seed: number;
  readonly addressFor: (client: string) => Promise<string>;
  readonly start: (own: OwnOptions) => Publisher;
};

/** Starts publishers, each on its own way to the app. */
export function startPublishers({
  count,
  called,
  seed,
  addressFor,
  start,
}: PublishersOptions): Promise<readonly Publisher[]> {
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  return Promise.all(
    numbers.map(async (number) => {
      const name = `${called} ${number}`;
      return start({ name, url: await addressFor(name), draw: seeded(seed + 100 + number) });
    }),
  );
}
