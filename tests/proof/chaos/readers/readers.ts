import { EventSource } from 'eventsource';
import type { Browser } from 'playwright-core';
import type { Seeded } from '../../../support/seeded.ts';
import type { Snapshot } from '../oracle/history.ts';
import type { Recorder } from '../oracle/recorder.ts';
import type { Sabotage } from '../oracle/sabotage.ts';
import { startBrowserReader } from './browser-reader.ts';
import { type FeedReaderTraits, startFeedReader } from './feed-reader.ts';
import { startPollReader } from './poll-reader.ts';
import { queryOf, type Reader, type ReaderOrder } from './reader.ts';
import { startStateReader } from './state-reader.ts';
import { startTailReader, type TailReader } from './tail-reader.ts';

/** The channels of a run. */
export const channels = ['feed', 'public:a', 'public:b'] as const;

/** The types of its events. */
export const types = ['message', 'note'] as const;

/** The readers of a run. */
export type ReaderGroup = {
  readonly readers: readonly Reader[];
  readonly tails: readonly TailReader[];
};

export type ReaderGroupOptions = {
  /** The browser for native readers; null: no such readers. */
  readonly browser: Browser | null;
  /** Number of readers, without those in the browser and those of a state. */
  readonly count: number;
  readonly recorder: Recorder;
  readonly draw: Seeded;
  readonly addressFor: (client: string) => Promise<string>;
  readonly slowness: { readonly ms: number };
  /** Gets each state of a channel that a reader had. */
  readonly onState: (snapshot: Snapshot) => void;
  /** Creates the sabotage of one reader; null: no sabotage. */
  readonly sabotage: (() => Sabotage) | null;
};

/** The number of readers of each kind, as text: `44 connectFeed, 2 Chromium`. */
export function describeKinds(readers: readonly Reader[]): string {
  const kinds = Object.groupBy(readers, ({ record }) => record.reader.replace(/ \d+$/, ''));
  return Object.entries(kinds)
    .map(([kind, own = []]) => `${own.length} ${kind}`)
    .join(', ');
}

/** The shares of the kinds of readers. There is a fixed number of `tail`, because each is a process. */
const shares = { feed: 0.55, eventSource: 0.85 } as const;
const tailCount = 2;
const browserCount = 2;
/** Readers of a channel's state, by the size of their pages: a few events, or all in one page. */
const stateLimits = [500, 500, 5] as const;

/** Starts readers of all kinds on all mixes of channels. */
export async function startReaders(options: ReaderGroupOptions): Promise<ReaderGroup> {
  const { count, recorder, draw, addressFor, slowness, sabotage, browser } = options;
  const readers: Reader[] = [];
  const tails: TailReader[] = [];
  for (let index = 0; index < count; index += 1) {
    const own = drawChannels(draw);
    const ownTypes = draw.chance(0.15) ? [draw.pick(types)] : null;
    const order = async (kind: string): Promise<ReaderOrder> => {
      const name = `${kind} ${index + 1}`;
      const record = recorder.reader(name, own, ownTypes, sabotage?.());
      return { url: await addressFor(name), channels: own, types: ownTypes, record };
    };
    const share = index / count;
    if (index >= count - tailCount) {
      const tail = startTailReader(await order('tail'));
      tails.push(tail);
      readers.push(tail);
    } else if (share < shares.feed) {
      readers.push(startFeedReader(await order('connectFeed'), drawTraits(draw, slowness)));
    } else if (share < shares.eventSource) {
      readers.push(startEventSourceReader(await order('eventsource')));
    } else {
      const waitSeconds = draw.pick([0, 0, 5, 20]);
      readers.push(startPollReader(await order(waitSeconds === 0 ? 'poll' : 'long poll'), waitSeconds));
    }
  }
  for (const [index, limit] of stateLimits.entries()) {
    const name = `state ${index + 1}`;
    const own = [draw.pick(channels)];
    const record = recorder.reader(name, own, null, sabotage?.());
    const order = { url: await addressFor(name), channels: own, types: null, record };
    readers.push(startStateReader(order, limit, options.onState));
  }
  for (let index = 1; browser !== null && index <= browserCount; index += 1) {
    const name = `Chromium ${index}`;
    const record = recorder.reader(name, channels, null, sabotage?.());
    const order = { url: await addressFor(name), channels, types: null, record };
    readers.push(await startBrowserReader(browser, order));
  }
  return { readers, tails };
}

/** Draws the channels of a reader: all, two or one. */
export function drawChannels(draw: Seeded): readonly string[] {
  if (draw.chance(0.4)) return channels;
  return draw.chance(0.5) ? [draw.pick(channels)] : channels.slice(0, 2);
}

function drawTraits(draw: Seeded, slowness: { readonly ms: number }): FeedReaderTraits {
  const isSlow = draw.chance(0.2);
  return {
    transport: draw.pick(['auto', 'auto', 'auto', 'stream', 'poll']),
    isFromNow: draw.chance(0.2),
    slowMs: () => (isSlow ? slowness.ms : 0),
  };
}

/** The package `eventsource`: it behaves like a native EventSource, in Node. */
function startEventSourceReader(order: ReaderOrder): Reader {
  const { url, record } = order;
  const source = new EventSource(`${url}/api/stream?${queryOf(order)}`);
  let problem = '';
  source.addEventListener('message', ({ data }) => record.event(JSON.parse(data)));
  source.addEventListener('gap', ({ data }) => record.gap(JSON.parse(data)));
  source.addEventListener('error', (error) => {
    problem = `${error.code ?? ''} ${error.message ?? ''}`;
  });
  return {
    record,
    state: () => `readyState ${source.readyState} ${problem}`,
    // A native EventSource gives up for ever after any status but 200.
    gaveUp: () => (source.readyState === source.CLOSED ? `closed: ${problem}` : null),
    close: () => source.close(),
  };
}
