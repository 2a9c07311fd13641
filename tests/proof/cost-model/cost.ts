import type { Values } from './constants.ts';
import type { Load } from './scenario.ts';

/** Dollars per month. Free allowances of a plan are not subtracted, except for Redis traffic. */
export type Cost = { readonly platform: number; readonly redis: number };

const hoursPerMonth = 730;
const secondsPerMonth = hoursPerMonth * 3_600;
const bytesPerGB = 1e9;

/** The cost of a load for one month. */
export function costOf(values: Values, load: Load): Cost {
  const perMonth = (rate: number) => rate * secondsPerMonth;
  const processGB = values.processMB / 1_024;
  const redisGB = perMonth(load.redisBytesPerSecond) / bytesPerGB;
  return {
    platform:
      load.awakeProcesses * processGB * hoursPerMonth * values.memoryDollarsPerHour +
      load.cpus * hoursPerMonth * values.cpuDollarsPerHour +
      (perMonth(load.invocationsPerSecond) / 1e6) * values.dollarsPerMillionInvocations +
      (perMonth(load.cdnRequestsPerSecond) / 1e6) * values.dollarsPerMillionRequests +
      (perMonth(load.bytesToReadersPerSecond) / bytesPerGB) * values.toReadersDollarsPerGB +
      (perMonth(load.bytesFromProcessesPerSecond) / bytesPerGB) * values.fromProcessesDollarsPerGB,
    redis:
      (perMonth(load.redisCommandsPerSecond) / 1e5) * values.redisDollarsPer100kCommands +
      Math.max(0, redisGB - values.redisFreeGB) * values.redisDollarsPerGB,
  };
}
