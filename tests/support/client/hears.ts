import { readTold, type TabReport } from '../../../lib/client/tabs/tab-message.ts';
import { eventItem } from './feed-items.ts';
import type { reader } from './reader.ts';

const report: TabReport & { readonly kind: 'told' } = {
  ...{ kind: 'told', tab: 'a', isLeader: true, isVisible: true, isReading: true, hasGap: false },
  ...{ status: 'streaming', transport: 'stream', retryInMs: null, problem: null, isFallen: false },
  ...{ isHeld: false, handovers: 0, reconnects: 0 },
};

/** The leader tells of the events with these seqs: all there are after `from` up to `cursor`. */
export function hears(
  it: ReturnType<typeof reader>,
  from: string,
  seqs: readonly number[],
  cursor: string,
  more: Partial<TabReport> = {},
) {
  const events = seqs
    .map((seq) => eventItem(seq))
    .flatMap((item) => (item.kind === 'event' ? [item.event] : []));
  it.tell({ kind: 'heard', told: readTold({ ...report, ...more, from, cursor, events }, ['feed']) });
}
