import { statfs } from 'node:fs/promises';
import { freemem, loadavg, totalmem, uptime } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { z } from 'zod';
import type { eventTypes } from '../../lib/config/event-types.ts';

/** Data of a `machine` event. */
export type Machine = z.infer<typeof eventTypes.machine>;

export type MachineSampler = {
  /** How the machine is now; the delay is of the time since the last sample. */
  sample(): Promise<Machine>;
  stop(): void;
};

/** How often the event loop is looked at, in ms. */
const resolutionMs = 10;

/**
 * Watches this machine.
 * @param path a place on the disk that is told of.
 */
export function startMachineSampler(path: string): MachineSampler {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  return {
    async sample() {
      const disk = await statfs(path);
      // The histogram holds the time between two looks, so it is never below the resolution.
      const eventLoopDelayMs = Math.max(0, delay.percentile(99) / 1e6 - resolutionMs);
      delay.reset();
      const used = disk.blocks - disk.bfree;
      return {
        load: round(loadavg()[0] ?? 0, 2),
        memoryUsedPercent: percent(totalmem() - freemem(), totalmem()),
        // As `df` counts: what only root may use is neither used nor free.
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
