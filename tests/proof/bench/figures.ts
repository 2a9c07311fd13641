/** One figure of one contestant in all rounds. */
export type Series = { readonly contestant: string; readonly values: readonly number[] };

/** The median. @throws Error if there is no value. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [
    sorted[Math.floor((sorted.length - 1) / 2)],
    sorted[Math.ceil((sorted.length - 1) / 2)],
  ];
  if (low === undefined || high === undefined) throw new Error('no value');
  return (low + high) / 2;
}

/**
 * The median of the ratios of the rounds. Whatever the machine did in a round, it did to both.
 * @param to the figures of the other contestant.
 */
export function ratio(values: readonly number[], to: readonly number[]): number {
  return median(values.map((value, round) => value / (to[round] ?? Number.NaN)));
}

/** A random order for one round, so that no contestant is always first. */
export function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const left = [...list];
  const order: T[] = [];
  while (left.length > 0) order.push(...left.splice(Math.floor(random() * left.length), 1));
  return order;
}
