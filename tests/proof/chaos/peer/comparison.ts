import { markdownTable } from '../../../support/doc-table.ts';
import type { PeerFaults } from './judge-peer.ts';

/** The result of one of the two. */
export type Side = PeerFaults & {
  readonly readers: number;
  /** Readers that got the last event of each of their channels after all faults had ended. */
  readonly atEnd: number;
  readonly acknowledged: number;
  /** Requests that publishers sent again. */
  readonly retries: number;
  readonly deliveries: number;
  /** Gaps that readers received; null: it has no gaps. */
  readonly gaps: number | null;
  readonly cuts: number;
  /** Recovery, over all faults: from the end of a fault to a reader's next event that was published after it, in ms. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
};

/** The results of both. */
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
