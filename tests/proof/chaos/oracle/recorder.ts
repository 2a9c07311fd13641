import type { Gap } from '../../../../lib/core/continuity.ts';
import type { FeedEvent } from '../../../../lib/core/event.ts';
import type { History, HistoryEntry } from './history.ts';
import { type Fact, seqOf } from './history.ts';
import type { Mark } from './judge-log.ts';
import type { Sabotage } from './sabotage.ts';
import type { Recoveries } from './tally.ts';

/** Records what one reader receives. */
export type ReaderRecord = {
  readonly reader: string;
  event(event: Omit<FeedEvent, 'time'>): void;
  gap(gap: Gap): void;
  /** Records where the reader starts, if that is not the oldest event. */
  begin(channel: string, id: string): void;
  history(): History;
  /** The last id that the reader received in a channel; empty if there is none. */
  last(channel: string): string;
};

/** The records of all readers. Readers share equal events, so that a million deliveries fit into memory. */
export type Recorder = {
  reader(
    name: string,
    channels: readonly string[],
    types: readonly string[] | null,
    sabotage?: Sabotage,
  ): ReaderRecord;
  readonly records: readonly ReaderRecord[];
  /** Names of all readers. */
  names(): readonly string[];
  /** Events that all readers received so far. */
  deliveries(): number;
  /** Gaps that all readers received so far, by reason. */
  gaps(): Readonly<Record<Gap['reason'], number>>;
};

export function createRecorder(recoveries: Recoveries): Recorder {
  const facts = new Map<string, Fact>();
  const records: ReaderRecord[] = [];
  let deliveries = 0;
  const gaps = { trimmed: 0, restarted: 0 };

  /** The shared object for equal events; a new one if an id comes with other data. */
  function share({ channel, id, type, data }: Omit<FeedEvent, 'time'>): Fact {
    const text = JSON.stringify(data);
    const name = `${channel} ${id}`;
    const known = facts.get(name);
    if (known?.text === text && known.type === type) return known;
    const fact = { channel, id, seq: seqOf(id), type, text };
    if (known === undefined) facts.set(name, fact);
    return fact;
  }

  return {
    records,
    names: () => records.map(({ reader }) => reader),
    deliveries: () => deliveries,
    gaps: () => ({ ...gaps }),
    reader(name, channels, types, sabotage) {
      const entries: HistoryEntry[] = [];
      const begin = new Map<string, string>();
      const last = new Map<string, string>();
      const write = (entry: HistoryEntry) => entries.push(...(sabotage?.(entry) ?? [entry]));
      const record: ReaderRecord = {
        reader: name,
        event(event) {
          deliveries += 1;
          last.set(event.channel, event.id);
          write({ kind: 'event', fact: share(event) });
          recoveries.received(name, (event.data as Mark).at);
        },
        gap(gap) {
          gaps[gap.reason] += 1;
          write({ kind: 'gap', gap, at: performance.now() });
        },
        begin: (channel, id) => void begin.set(channel, id),
        last: (channel) => last.get(channel) ?? '',
        history: () => ({
          reader: name,
          channels,
          types: types === null ? null : new Set(types),
          begin,
          entries,
        }),
      };
      records.push(record);
      return record;
    },
  };
}
