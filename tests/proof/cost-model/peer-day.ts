import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { requestUse, type Usage } from '../../../lib/config/prices.ts';
import { wait } from '../../../lib/core/clock.ts';
import { createManualClock, type ManualClock } from '../../support/server/manual-clock.ts';
import { createPlatformMeter, type MeteredProcess } from '../../support/server/platform-meter.ts';

/*
 * @upstash/realtime on the simulated platform: the handler of its package runs, with a clock that is moved by hand, and a client
 * of Redis that counts. A reader does what the package's client does: it opens a stream, and another one when the server says so.
 */

/** What the package needs of the client of Redis. */
type Message = { readonly channel: string; readonly message: unknown };
type Subscriber = {
  on(type: string, listener: (value: Message) => void): void;
  unsubscribe(): Promise<void>;
};

type PeerPackage = {
  readonly Realtime: new (options: object) => { emit(event: string, data: unknown): Promise<void> };
  readonly handle: (options: object) => (request: Request) => Promise<Response>;
};

/** Streams of one process: it has 1,024 file descriptors, and each stream takes two. */
const perProcess = 510;

/** Time of a request on its way, and of its answer, in ms. */
const latencyMs = 30;

/** Bytes of an answer beside its body. */
const headerBytes = 400;

/** Processor time of one event that is written to one stream, in ms: that of this feed, for want of another. */
const deliveryCpuMs = 0.063;

export type PeerDay = {
  readonly clock: ManualClock;
  /** A reader that starts now. @returns ends it. */
  read(): () => void;
  publish(): Promise<void>;
  use(): Usage;
  /** Gives the time back to the process. */
  [Symbol.dispose](): void;
};

/** @param packages the folder of the peers' packages. */
export async function startPeerDay(packages: string): Promise<PeerDay> {
  const file = join(packages, 'node_modules/@upstash/realtime/dist/server/index.js');
  const { Realtime, handle }: PeerPackage = await import(pathToFileURL(file).href);
  const clock = createManualClock();
  const restore = useClock(clock);
  const meter = createPlatformMeter(clock);
  const redis = createCountingRedis(clock, meter.count);
  const realtime = new Realtime({ redis, maxDurationSecs: 300 });
  const answer = handle({ realtime });
  const processes: { readonly metered: MeteredProcess; streams: number }[] = [];

  async function readStream(signal: AbortSignal, lastAck: number): Promise<void> {
    await wait(clock, latencyMs);
    meter.count.edgeRequests += 1;
    meter.count.invocations += 1;
    meter.count.cpuMs += requestUse.openCpuMs;
    const free = processes.find(({ streams }) => streams < perProcess);
    const process = free ?? { metered: meter.startProcess(), streams: 0 };
    if (free === undefined) processes.push(process);
    const end = meter.opened(process.metered);
    process.streams += 1;
    const ended = new AbortController();
    const stop = () => ended.abort();
    signal.addEventListener('abort', stop, { once: true });
    const query = `channel=default&last_ack_default=${lastAck}`;
    const { body } = await answer(
      new Request(`http://feed.test/api/realtime?${query}`, { signal: ended.signal }),
    );
    meter.count.sent += headerBytes;
    meter.count.fetched += headerBytes;
    const decoder = new TextDecoder();
    const reader = body?.getReader();
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
      if (done) break;
      meter.count.sent += value.length;
      meter.count.fetched += value.length;
      meter.count.cpuMs += deliveryCpuMs;
      if (decoder.decode(value).includes('"type":"reconnect"')) break;
    }
    stop();
    signal.removeEventListener('abort', stop);
    process.streams -= 1;
    end();
  }

  return {
    clock,
    read() {
      const left = new AbortController();
      async function run(): Promise<void> {
        while (!left.signal.aborted) await readStream(left.signal, clock.now());
      }
      void run();
      return () => left.abort();
    },
    async publish() {
      meter.count.edgeRequests += 1;
      meter.count.invocations += 1;
      await realtime.emit('message', 1);
    },
    use: meter.use,
    [Symbol.dispose]: restore,
  };
}

/** Lets the package's timers and its `Date.now` follow a clock. @returns gives them back. */
function useClock(clock: ManualClock): () => void {
  const { setTimeout, clearTimeout, setInterval, clearInterval } = globalThis;
  const { now } = Date;
  const after = (run: () => void, ms = 0) => ({ cancel: clock.after(ms, run) });
  const every = (run: () => void, ms = 0) => {
    const timer = { cancel: () => {} };
    const next = () => {
      timer.cancel = clock.after(ms, () => {
        next();
        run();
      });
    };
    next();
    return timer;
  };
  const clear = (timer?: { cancel(): void }) => timer?.cancel();
  Object.assign(globalThis, {
    ...{ setTimeout: after, setInterval: every },
    ...{ clearTimeout: clear, clearInterval: clear },
  });
  Date.now = clock.now;
  return () => {
    Object.assign(globalThis, { setTimeout, clearTimeout, setInterval, clearInterval });
    Date.now = now;
  };
}

/** A client of a Redis that is empty, with one channel. Each call is one command; an end of a subscription is none. */
function createCountingRedis(clock: ManualClock, count: { commands: number; fromRedis: number }) {
  const subscribers = new Set<(message: unknown) => void>();
  let last = 0;
  function publish(_channel: string, message: object): Promise<number> {
    count.commands += 1;
    count.fromRedis += JSON.stringify(message).length * subscribers.size;
    for (const hear of [...subscribers]) hear(message);
    return Promise.resolve(subscribers.size);
  }
  return {
    publish,
    xadd() {
      count.commands += 1;
      last += 1;
      return Promise.resolve(`${clock.now()}-${last}`);
    },
    xrange() {
      count.commands += 1;
      return Promise.resolve({});
    },
    pipeline() {
      const commands: (() => Promise<number>)[] = [];
      return {
        publish: (channel: string, message: object) => commands.push(() => publish(channel, message)),
        exec: () => Promise.all(commands.map((run) => run())),
      };
    },
    subscribe([channel = '']: readonly string[]): Subscriber {
      count.commands += 1;
      const listeners = new Map<string, (value: Message) => void>();
      const hear = (message: unknown) => listeners.get('message')?.({ channel, message });
      subscribers.add(hear);
      queueMicrotask(() => listeners.get('subscribe')?.({ channel, message: 1 }));
      return {
        on: (type, listener) => void listeners.set(type, listener),
        unsubscribe() {
          subscribers.delete(hear);
          return Promise.resolve();
        },
      };
    },
  };
}
