import { randomBytes } from 'node:crypto';
import { statfs } from 'node:fs/promises';
import { freemem, loadavg, totalmem, uptime } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { systemClock, wait } from '../../lib/core/clock.ts';
import { defaultChannel } from '../../lib/core/ids.ts';
import { type Sender, sendBatch, tokenAdvice } from '../push/push-events.ts';
import { makePushEvent } from '../push/push-input.ts';
import { fetchSameOrigin } from '../same-origin-fetch.ts';

/** Data of a `machine` event. It fits the schema of `machine` in `lib/config/event-types.ts`, as long as that declares it. */
export type Machine = {
  readonly load: number;
  readonly memoryUsedPercent: number;
  readonly diskUsedPercent: number;
  readonly uptimeSeconds: number;
  readonly eventLoopDelayMs: number;
};

export type MachineSampler = {
  /** Measures the machine now. The event loop's delay is that since the last sample. */
  sample(): Promise<Machine>;
  stop(): void;
};

/** How often the event loop is measured, in ms. */
const resolutionMs = 10;

/**
 * Starts to measure the load of this machine.
 * @param path a path on the disk to measure.
 */
export function startMachineSampler(path: string): MachineSampler {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  return {
    async sample() {
      const disk = await statfs(path);
      // The histogram has the time between two measurements, which includes the interval itself.
      const eventLoopDelayMs = Math.max(0, delay.percentile(99) / 1e6 - resolutionMs);
      delay.reset();
      const used = disk.blocks - disk.bfree;
      return {
        load: round(loadavg()[0] ?? 0, 2),
        memoryUsedPercent: percent(totalmem() - freemem(), totalmem()),
        // As `df` counts it: blocks reserved for root are neither used nor free.
        diskUsedPercent: percent(used, used + disk.bavail),
        uptimeSeconds: Math.floor(uptime()),
        eventLoopDelayMs: round(eventLoopDelayMs, 2),
      };
    },
    stop: () => void delay.disable(),
  };
}

function percent(part: number, whole: number): number {
  return whole === 0 ? 0 : round(Math.min(100, (part / whole) * 100), 1);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** Sends to the app that the demo has started. @param onRetry called with the reason of each retry. */
export function createDemoSender(
  endpoint: URL,
  token: string | null,
  signal: AbortSignal,
  onRetry: (reason: string) => void,
): Sender {
  return {
    endpoint,
    unreachableAdvice: 'The app may have ended.',
    tokenAdvice,
    misfitAdvice: null,
    token,
    timeoutMs: 10_000,
    fetch: fetchSameOrigin,
    retries: 5,
    clock: systemClock,
    signal,
    onRetry,
  };
}

const intervalMs = 1_000;

/**
 * Publishes a sample every second until the sender's signal aborts. A publish that takes longer skips samples.
 * @param onPublished called after each stored event, with its id.
 * @returns why publishing failed; null when the signal stopped it.
 */
export async function publishMachine(
  sampler: MachineSampler,
  sender: Sender,
  onPublished: (machine: Machine, id: string) => void,
): Promise<string | null> {
  const { clock, signal } = sender;
  const keyPrefix = randomBytes(9).toString('base64url');
  const startMs = clock.elapsed();
  for (let number = 1; !signal.aborted; number += 1) {
    const machine = await sampler.sample();
    const event = makePushEvent({ channel: defaultChannel, type: 'machine', data: machine }, null, 'machine');
    const sent = await sendBatch([event], `${keyPrefix}-${number}`, sender);
    if (sent.kind === 'failed') return signal.aborted ? null : sent.reason;
    onPublished(machine, sent.ids[0] ?? '');
    await wait(clock, intervalMs - ((clock.elapsed() - startMs) % intervalMs), signal);
  }
  return null;
}

/** Formats a sample as one line: `load 0.42   memory 37.1 %   disk 61 %   event loop 0.31 ms late`. */
export function machineText(machine: Machine): string {
  const { load, memoryUsedPercent, diskUsedPercent, eventLoopDelayMs } = machine;
  return [
    `load ${load.toFixed(2)}`,
    `memory ${memoryUsedPercent.toFixed(1)} %`,
    `disk ${diskUsedPercent.toFixed(1)} %`,
    `event loop ${eventLoopDelayMs.toFixed(2)} ms late`,
  ].join('   ');
}
