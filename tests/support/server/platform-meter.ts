import { requestUse, type Usage } from '../../../lib/config/prices.ts';
import type { Clock } from '../../../lib/core/clock.ts';

/** What was counted, in ms, bytes and pieces. */
type Counts = {
  awakeMs: number;
  cpuMs: number;
  invocations: number;
  edgeRequests: number;
  /** Bytes to readers, from processes to the CDN, and from Redis. */
  sent: number;
  fetched: number;
  fromRedis: number;
  commands: number;
};

const nothing: Counts = {
  awakeMs: 0,
  cpuMs: 0,
  invocations: 0,
  edgeRequests: 0,
  sent: 0,
  fetched: 0,
  fromRedis: 0,
  commands: 0,
};

/** A process whose memory is billed while one of its requests is open. */
export type MeteredProcess = { open: number; awakeSince: number };

/** Processor time of one event that is written to one stream, in ms (measured: `npm run proof:cost -- --measure`). */
const deliveryCpuMs = 0.063;

/** Counts what the platform and Redis bill. */
export type PlatformMeter = {
  readonly count: Counts;
  startProcess(): MeteredProcess;
  /** A request is open. @returns ends it. */
  opened(process: MeteredProcess): () => void;
  /** A stream's body, counted on its way. @param onEnd called when it has ended, or its reader has left. */
  counted(body: ReadableStream<Uint8Array>, onEnd: () => void): ReadableStream<Uint8Array>;
  /** What was used since the start, or since the last call. */
  use(): Usage;
};

export function createPlatformMeter(clock: Clock): PlatformMeter {
  const processes: MeteredProcess[] = [];
  const count = { ...nothing };

  return {
    count,
    startProcess() {
      const process = { open: 0, awakeSince: 0 };
      processes.push(process);
      return process;
    },
    opened(process) {
      if (process.open === 0) process.awakeSince = clock.elapsed();
      process.open += 1;
      let isOpen = true;
      return () => {
        if (!isOpen) return;
        isOpen = false;
        process.open -= 1;
        if (process.open === 0) count.awakeMs += clock.elapsed() - process.awakeSince;
      };
    },
    counted(body, onEnd) {
      const reader = body.getReader();
      return new ReadableStream(
        {
          async pull(controller) {
            const { done, value } = await reader.read();
            if (done) {
              onEnd();
              controller.close();
              return;
            }
            count.sent += value.length;
            count.fetched += value.length;
            count.cpuMs += deliveryCpuMs;
            controller.enqueue(value);
          },
          cancel(reason) {
            onEnd();
            return reader.cancel(reason);
          },
        },
        { highWaterMark: 0 },
      );
    },
    use() {
      for (const process of processes) {
        if (process.open === 0) continue;
        count.awakeMs += clock.elapsed() - process.awakeSince;
        process.awakeSince = clock.elapsed();
      }
      const { awakeMs, cpuMs, invocations, edgeRequests, sent, fetched, fromRedis, commands } = count;
      Object.assign(count, nothing);
      const hours = (ms: number) => ms / 3_600_000;
      return {
        gbHours: requestUse.processGB * hours(awakeMs),
        cpuHours: hours(cpuMs),
        invocations,
        edgeRequests,
        gbToReaders: sent / 1e9,
        gbFromProcesses: fetched / 1e9,
        redisCommands: commands,
        redisGB: fromRedis / 1e9,
      };
    },
  };
}
