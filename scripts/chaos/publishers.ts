import { type Publisher, type PublisherOptions, startPublisher } from './publisher.ts';
import { seeded } from './seeded.ts';

/** What all publishers of a run have in common. */
export type PublishersOptions = Omit<PublisherOptions, 'name' | 'url' | 'draw'> & {
  readonly seed: number;
  readonly addressFor: (client: string) => Promise<string>;
};

/** Starts publishers, each on its own way to the app. */
export function startPublishers(
  count: number,
  { seed, addressFor, ...common }: PublishersOptions,
): Promise<readonly Publisher[]> {
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  return Promise.all(
    numbers.map(async (number) => {
      const name = `publisher ${number}`;
      const url = await addressFor(name);
      return startPublisher({ ...common, name, url, draw: seeded(seed + 100 + number) });
    }),
  );
}
