import { createFeed } from '../../../lib/client/feed.ts';
import type { FeedOptions } from '../../../lib/client/feed-options.ts';
import { requestUse, type Usage } from '../../../lib/config/prices.ts';
import { type Environment, readSettings } from '../../../lib/config/settings.ts';
import { wait } from '../../../lib/core/clock.ts';
import { eventsRoute } from '../../../lib/server/http/events-route.ts';
import { streamRoute } from '../../../lib/server/http/stream-route.ts';
import { createRuntime, type Runtime } from '../../../lib/server/runtime.ts';
import { newEvents } from '../log/log-steps.ts';
import { createFaultyLog } from './faulty-log.ts';
import { createManualClock, type ManualClock } from './manual-clock.ts';
import { createMemoryLog, type MemoryLog } from './memory-log.ts';
import { createPlatformMeter, type MeteredProcess } from './platform-meter.ts';

/*
 * The platform, with a clock that is moved by hand: the real client, the real routes, and between them a network that takes
 * time, a CDN that keeps what it may, and processes whose memory is billed while one of their requests is open. It counts what
 * the platform and Redis bill.
 */

type PlatformOptions = {
  readonly env?: Environment;
  readonly seed?: number;
  /** How many caches the CDN has: a reader asks one of them. */
  readonly regions?: number;
  /** How many streams one process takes. */
  readonly perProcess?: number;
  /** Time of a request on its way, and of its answer, in ms. */
  readonly latencyMs?: number;
};

type Process = {
  readonly runtime: Runtime;
  readonly routes: Readonly<Record<string, (request: Request) => Promise<Response>>>;
  readonly metered: MeteredProcess;
};

type Kept = {
  readonly until: number;
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
};

/** What one request costs beside its body: the headers of the answer. */
const headerBytes = 400;

export type SimulatedPlatform = {
  readonly clock: ManualClock;
  /** A reader that starts now. @param region of the CDN. */
  read(
    region: number,
    options?: FeedOptions,
  ): {
    /**
     * When each event arrived, by the clock's `elapsed`; the pause in ms before the poll that brought it, 0 if a stream did;
     * and how many streams the feed wanted then.
     */
    readonly arrived: readonly { readonly at: number; readonly pausedMs: number; readonly streams: number }[];
    isResting(): boolean;
    status(): string;
    close(): void;
  };
  /** What a reader in a region sends its requests with. */
  fetchFrom(region: number): typeof fetch;
  /** The log of all processes. */
  readonly log: MemoryLog;
  /** Stores one event now. @returns when, by the clock's `elapsed`. */
  publish(): Promise<number>;
  /** Ends a process as the platform does: its streams are handed over. */
  stop(index: number): void;
  /** What was used since the start, or since the last call. */
  use(): Usage;
};

/** Makes a platform with one process; more are started when the first is full. */
export function simulatedPlatform({
  env = {},
  seed = 1,
  regions = 1,
  perProcess = 800,
  latencyMs = 30,
}: PlatformOptions = {}): SimulatedPlatform {
  const clock = createManualClock(seed);
  const memory = createMemoryLog({ retention: 10_000, now: clock.now, random: clock.random });
  const processes: Process[] = [];
  const caches = Array.from({ length: regions }, () => new Map<string, Kept>());
  /** The requests that a cache has sent on, by their address: others for the same wait for the answer. */
  const asked = new Map<string, Promise<unknown>>();
  const meter = createPlatformMeter(clock);
  const { count } = meter;

  function start(): Process {
    const log = createFaultyLog(memory, clock);
    const counted = new Proxy(log, {
      get(target, name: keyof typeof log) {
        const member = target[name];
        if (!['append', 'read', 'latest', 'ends', 'forget', 'follow'].includes(name)) return member;
        return (...args: unknown[]) => {
          count.commands += 1;
          return (member as (...args: unknown[]) => unknown)(...args);
        };
      },
    });
    const settings = readSettings({ VERCEL: '1', ...env });
    const runtime = createRuntime(settings, clock, counted);
    const routes = { stream: streamRoute(300, () => runtime), events: eventsRoute(() => runtime) };
    const process = { runtime, routes, metered: meter.startProcess() };
    processes.push(process);
    return process;
  }

  function processFor(path: string): Process {
    const running = processes.filter(({ runtime }) => !runtime.stopping.signal.aborted);
    const free = running.find(({ runtime }) => path !== 'stream' || runtime.streams.size < perProcess);
    return free ?? start();
  }

  async function ask(region: number, address: string, init: RequestInit = {}): Promise<Response> {
    const url = new URL(address, 'http://feed.test');
    const path = url.pathname.split('/').at(-1) ?? '';
    const signal = init.signal ?? new AbortController().signal;
    await wait(clock, latencyMs, signal);
    signal.throwIfAborted();
    count.edgeRequests += 1;
    const cache = caches[region % regions];
    const place = `${region % regions} ${url.href}`;
    await asked.get(place);
    const kept = cache?.get(url.href);
    if (path === 'events' && kept !== undefined && kept.until > clock.elapsed()) {
      count.sent += kept.body.length + headerBytes;
      await wait(clock, latencyMs, signal);
      return new Response(kept.body, kept);
    }
    count.invocations += 1;
    const process = processFor(path);
    const close = meter.opened(process.metered);
    const request = new Request(url, { ...init, signal });
    if (path === 'stream') {
      count.cpuMs += requestUse.openCpuMs;
      const answer = await process.routes.stream?.(request);
      count.sent += headerBytes;
      count.fetched += headerBytes;
      if (answer?.body === undefined || answer.body === null) {
        close();
        return answer ?? new Response(null, { status: 500 });
      }
      return new Response(meter.counted(answer.body, close), answer);
    }
    count.cpuMs += requestUse.pollCpuMs;
    const answered = Promise.withResolvers<void>();
    asked.set(place, answered.promise);
    await wait(clock, requestUse.pollMs);
    const answer = await process.routes.events?.(request);
    const body = (await answer?.text()) ?? '';
    close();
    const headers = answer?.headers ?? new Headers();
    const seconds = /s-maxage=(\d+)/.exec(headers.get('cache-control') ?? '')?.[1];
    const { status = 500 } = answer ?? {};
    if (seconds !== undefined && status === 200) {
      cache?.set(url.href, { until: clock.elapsed() + Number(seconds) * 1_000, status, headers, body });
    }
    asked.delete(place);
    answered.resolve();
    count.sent += body.length + headerBytes;
    count.fetched += body.length + headerBytes;
    await wait(clock, latencyMs, signal);
    return new Response(body, { status, headers });
  }

  return {
    clock,
    log: memory,
    fetchFrom: (region) => (input, init) => ask(region, String(input), init),
    read(region, options = {}) {
      const arrived: { at: number; pausedMs: number; streams: number }[] = [];
      let pausedMs = 0;
      const feed = createFeed(
        {
          url: 'http://feed.test',
          clock,
          fetch(input, init) {
            pausedMs = Number(new URL(String(input)).searchParams.get('rest')) * 1_000;
            return ask(region, String(input), init);
          },
          onEvent: () =>
            void arrived.push({
              at: clock.elapsed(),
              pausedMs,
              streams: feed.pollHost.connection().streams.length,
            }),
          ...options,
        },
        null,
      );
      feed.setEnabled(true);
      return {
        arrived,
        isResting: () => feed.pollHost.connection().restMs > 0,
        status: () => feed.getSnapshot().status,
        close: feed.close,
      };
    },
    async publish() {
      count.invocations += 1;
      count.edgeRequests += 1;
      count.commands += 1;
      await memory.append({ events: newEvents('feed', 1), key: null });
      return clock.elapsed();
    },
    stop(index) {
      const process = processes[index % processes.length];
      if (process === undefined || process.runtime.stopping.signal.aborted) return;
      process.runtime.stopping.abort();
      for (const stream of process.runtime.streams) stream.handOver('stopping', 200);
    },
    use: meter.use,
  };
}
