/** A page takes up to this long to come to life, in ms; only beyond it do clocks differ. */
const plausibleMs = 30_000;

/**
 * How far the reader's clock is ahead of the server's, in ms; 0 where the difference may be the way the page took.
 * @param renderedAt Unix time in ms by the server's clock. @param now by the reader's, as soon as the page is alive.
 */
export function skewOf(renderedAt: number, now: number): number {
  const aheadMs = now - renderedAt;
  return Math.abs(aheadMs) <= plausibleMs ? 0 : aheadMs;
}
