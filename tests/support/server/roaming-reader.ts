import { createParser } from 'eventsource-parser';
import { type Clock, wait } from '../../../lib/core/clock.ts';
import type { FeedEvent } from '../../../lib/core/event.ts';
import { FeedError } from '../../../lib/core/feed-error.ts';
import { eventsRoute } from '../../../lib/server/http/events-route.ts';
import { streamRoute } from '../../../lib/server/http/stream-route.ts';
import { readFeed } from '../../../lib/server/read-feed.ts';
import type { Runtime } from '../../../lib/server/runtime.ts';
import type { Seeded } from '../seeded.ts';
import { useRuntime } from './own-process.ts';
import type { ReaderRecord } from './reader-record.ts';

/** A reader that changes connection, process and transport, and continues from its cursor. */
export type RoamingReader = {
  readonly record: ReaderRecord;
  /** Stops reading, or continues. */
  stall(isStalled: boolean): void;
  /** Loses the connection in the middle of the next chunk. */
  cutNext(): void;
  /** Loses the connection now. */
  drop(): void;
  stop(): void;
  /** The first failure it found; null: none. */
  failure(): unknown;
};

export type RoamingOptions = {
  readonly clock: Clock;
  readonly random: Seeded;
  readonly runtimes: readonly Runtime[];
  /** `channel=…&type=…`. */
  readonly query: string;
  /** Where it starts: `after=0-0`, `rewind=all`, or nothing. */
  readonly start: string;
  readonly record: ReaderRecord;
  /** What it reads with: streams and polls, or `readFeed` of the app's own code. */
  readonly by: 'routes' | 'readFeed';
};

/** Starts a reader. */
export function startRoamingReader(options: RoamingOptions): RoamingReader {
  const { clock, random, record } = options;
  let isStopped = false;
  let isCutNext = false;
  let failure: unknown = null;
  let going = Promise.withResolvers<void>();
  let isStalled = false;
  let connection = new AbortController();
  let cancel = () => {};
  const lately: string[] = [];
  going.resolve();

  function note(text: string): void {
    lately.push(`${clock.elapsed()} ${text}`);
    if (lately.length > 20) lately.shift();
  }

  function address(path: string): string {
    const cursor = record.cursor();
    const from = cursor === null ? options.start : `after=${cursor}`;
    return `http://feed.test/api/${path}?${options.query}&${from}`;
  }

  function take(id: string, kind: string | undefined, data: string): void {
    note(`${kind ?? 'event'} ${id} ${data.slice(0, 160)}`);
    const value = JSON.parse(data);
    if (kind === 'hello') record.hello(id);
    else if (kind === 'gap') record.gap(id, value);
    else if (kind === undefined) record.event(id, value);
    else record.note(id);
  }

  async function readStream(runtime: Runtime): Promise<void> {
    const init = { headers: { accept: 'text/event-stream, application/problem+json' } };
    const request = new Request(address('stream'), { ...init, signal: connection.signal });
    const response = await streamRoute(300, () => runtime)(request);
    if (response.status !== 200 || response.body === null) return;
    const parser = createParser({
      onEvent: ({ id, event, data }) => take(id ?? '', event, data),
    });
    const decoder = new TextDecoder();
    const reader = response.body.getReader();
    cancel = () => void reader.cancel();
    for (;;) {
      await going.promise;
      const { done, value } = await reader.read();
      if (done) return;
      const bytes = isCutNext ? value.subarray(0, random.whole(0, value.length)) : value;
      parser.feed(decoder.decode(bytes, { stream: true }));
      if (!isCutNext) continue;
      isCutNext = false;
      drop();
      return;
    }
  }

  async function poll(runtime: Runtime): Promise<void> {
    const how = `&limit=${random.pick([3, 50, 500])}&wait=${random.pick([0, 0, 3])}`;
    const request = new Request(`${address('events')}${how}`, { signal: connection.signal });
    const response = await eventsRoute(() => runtime)(request);
    if (response.status !== 200) return;
    const page = await response.json();
    const ids = page.events.map((event: FeedEvent) => `${event.channel}@${event.id}`);
    note(`page ${page.cursor} of ${ids[0]} to ${ids.at(-1)}, gaps ${JSON.stringify(page.gaps)}`);
    record.page(page);
  }

  async function readItems(runtime: Runtime): Promise<void> {
    const params = new URLSearchParams(address('stream').split('?')[1]);
    const types = params.getAll('type');
    const own = useRuntime(runtime);
    const items = readFeed({
      channels: params.getAll('channel'),
      ...(types.length === 0 ? {} : { types }),
      ...Object.fromEntries(
        ['after', 'rewind'].flatMap((name) => (params.has(name) ? [[name, params.get(name)]] : [])),
      ),
      signal: connection.signal,
    });
    own[Symbol.dispose]();
    try {
      record.hello(await items.ready());
      for await (const item of items) {
        note(`${item.kind} ${item.cursor}`);
        if (item.kind === 'gap') record.gap(item.cursor, item.gap);
        else record.event(item.cursor, item.event);
        await going.promise;
        if (!isCutNext) continue;
        isCutNext = false;
        break;
      }
    } catch (error) {
      if (!(error instanceof FeedError)) throw error;
    }
  }

  function drop(): void {
    connection.abort();
    cancel();
  }

  async function run(): Promise<void> {
    while (!isStopped && failure === null) {
      const process = random.whole(0, options.runtimes.length - 1);
      const runtime = options.runtimes[process] as Runtime;
      connection = new AbortController();
      cancel = () => {};
      const isOwn = options.by === 'readFeed';
      const isPoll = !isOwn && record.cursor() !== null && random.next() < 0.25;
      note(`${isPoll ? 'polls' : 'opens a stream of'} process ${process} from ${record.cursor()}`);
      try {
        await (isOwn ? readItems(runtime) : isPoll ? poll(runtime) : readStream(runtime));
      } catch (error) {
        failure = new Error([String(error), ...lately].join('\n'));
        drop();
      }
      await wait(clock, random.whole(1, 400));
    }
  }

  void run();
  return {
    record,
    stall(shallStall) {
      if (shallStall === isStalled) return;
      isStalled = shallStall;
      if (shallStall) going = Promise.withResolvers();
      else going.resolve();
    },
    cutNext() {
      isCutNext = true;
    },
    drop,
    stop() {
      isStopped = true;
      going.resolve();
      drop();
    },
    failure: () => failure,
  };
}
