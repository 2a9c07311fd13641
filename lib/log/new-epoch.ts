const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';

/**
 * Makes an epoch: six characters `[a-z0-9]`.
 * @param random gives numbers 0 ≤ x < 1.
 */
export function newEpoch(random: () => number): string {
  let epoch = '';
  while (epoch.length < 6) epoch += letters.charAt(Math.floor(random() * letters.length));
  return epoch;
}
