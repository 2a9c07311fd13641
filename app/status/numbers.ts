import { formatCount } from '../_feed/format.ts';

/*
 * How the page writes numbers. Server and browser must write the same characters, so the reader's locale is ignored. A number
 * and its unit stay on one line.
 */

/** `0.4 ms`, `21 ms`, `1,200 ms`, `12 s`. */
export function formatMs(ms: number): string {
  if (ms >= 10_000) return `${formatCount(Math.round(ms / 1_000))}\u00a0s`;
  return `${formatRounded(ms)}\u00a0ms`;
}

/** `118 MB`. */
export function formatMemory(bytes: number): string {
  return `${formatCount(Math.round(bytes / 1_048_576))}\u00a0MB`;
}

/** `$0.09`, `$16.20`, `$1,240`. */
export function formatDollars(dollars: number): string {
  if (dollars > 0 && dollars < 0.01) return 'under $0.01';
  if (dollars >= 100) return `$${formatCount(Math.round(dollars))}`;
  return `$${dollars.toFixed(2)}`;
}

/** A rate or a time: one digit after the point below 10, else none. */
export function formatRounded(value: number): string {
  return value < 10 ? String(Math.round(value * 10) / 10) : formatCount(Math.round(value));
}
