import type { Values } from './constants.ts';
import { type Load, largest, type Scenario } from './scenario.ts';

/** A way to deliver events to readers. */
export type Way = {
  readonly name: string;
  /** How many readers one process can hold, and which limit stops it; null if readers hold no connection. */
  readonly perProcess: ((values: Values, scenario: Scenario) => Capacity) | null;
  readonly load: (values: Values, scenario: Scenario) => Load;
};

export type Capacity = { readonly readers: number; readonly limit: string };

/** A limit of one process. */
export type Stop = { readonly limit: string; readonly fits: (readers: number) => boolean };

/** The limit that is reached first. */
export function capacityOf(stops: readonly Stop[]): Capacity {
  const reached = stops.map(({ limit, fits }) => ({ limit, readers: largest(1_000_000, fits) }));
  return reached.reduce((first, each) => (each.readers < first.readers ? each : first));
}

/** Publish requests per second. Each event is one request and one command. */
export function publishing({ channels, eventRate }: Scenario): number {
  return channels * eventRate;
}

/** Processor seconds per second that one stream needs for this number of frames per second. */
export function streamCpus(values: Values, messageRate: number): number {
  return (messageRate * values.cpuMsPerDelivery + values.cpuMsPerOpen / values.streamSeconds) / 1_000;
}

/** Whether the memory of one process is enough for this number of streams. */
export function fitsMemory(values: Values, readers: number): boolean {
  return values.baseMB + (readers * values.readerKB) / 1_024 <= values.processMB;
}
