import { markdownTable } from '../../../support/doc-table.ts';
import type { PeerFaults } from './judge-peer.ts';

/** How one of the two came through a run. */
export type Side = PeerFaults & {
  readonly readers: number;
  /** Readers that were told the last event of each of their channels, once all faults were over. */
  readonly atEnd: number;
  readonly acknowledged: number;
  /** Tries of publishers that were not the first. */
  readonly retries: number;
  readonly deliveries: number;
  /** Gaps that readers were told; null: it has no such notion. */
  readonly gaps: number | null;
  readonly cuts: number;
  /** From a fault's end to a reader's next event that was published after it, of all faults, in ms. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
};

/** The two beside each other. */
export type Comparison = { readonly ours: Side; readonly peer: Side };

/** The peer's name and version. */
const peerName = '@upstash/realtime 1.1';

const count = (value: number) => value.toLocaleString('en-US');
const time = (ms: number | null) => (ms === null ? '–' : `${(ms / 1_000).toFixed(2)} s`);

const rows: readonly (readonly [what: string, text: (side: Side) => string])[] = [
  ['readers', ({ readers }) => count(readers)],
  ['connections cut', ({ cuts }) => count(cuts)],
  ['events acknowledged', ({ acknowledged }) => count(acknowledged)],
  ['publish requests sent again', ({ retries }) => count(retries)],
  ['deliveries', ({ deliveries }) => count(deliveries)],
  ['lost: acknowledged, kept by Redis, never received', ({ lost }) => count(lost)],
  ['lost together with data of Redis, and not reported', ({ lostWithData }) => count(lostWithData)],
  ['received twice', ({ toldTwice }) => count(toldTwice)],
  ['stored again by a retry, and received again', ({ storedTwice }) => count(storedTwice)],
  ['out of order', ({ outOfOrder }) => count(outOfOrder)],
  ['gaps reported', ({ gaps }) => (gaps === null ? 'has no gaps' : count(gaps))],
  ['readers that reached the end', ({ atEnd, readers }) => `${count(atEnd)} of ${count(readers)}`],
  ['recovery after a fault, p50', ({ p50Ms }) => time(p50Ms)],
  ['recovery after a fault, p99', ({ p99Ms }) => time(p99Ms)],
];

/** The comparison as a Markdown table. */
export function comparisonTable({ ours, peer }: Comparison): string {
  return markdownTable(
    ['', 'Steadfeed', `\`${peerName}\``],
    rows.map(([what, text]) => [what, text(ours), text(peer)]),
  );
}
