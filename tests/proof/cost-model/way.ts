import type { Values } from './constants.ts';
import { type Load, largest, type Scenario } from './scenario.ts';

/** A way to bring events to readers. */
export type Way = {
  readonly name: string;
  /** How many readers one process holds, and what stops it there; null where a process holds none. */
  readonly perProcess: ((values: Values, scenario: Scenario) => Capacity) | null;
  readonly load: (values: Values, scenario: Scenario) => Load;
};

export type Capacity = { readonly readers: number; readonly limit: string };

/** Something that ends a process's room. */
export type Stop = { readonly limit: string; readonly fits: (readers: number) => boolean };

/** The first of `stops` to be reached. */
export function capacityOf(stops: readonly Stop[]): Capacity {
  const reached = stops.map(({ limit, fits }) => ({ limit, readers: largest(1_000_000, fits) }));
  return reached.reduce((first, each) => (each.readers < first.readers ? each : first));
}

/** Every event is published by a request that is one command, whatever readers there are. */
export function publishing({ channels, eventRate }: Scenario): number {
  return channels * eventRate;
}

/** Processor time a second that one stream takes, with so many frames a second. */
export function streamCpus(values: Values, messageRate: number): number {
  return (messageRate * values.cpuMsPerDelivery + values.cpuMsPerOpen / values.streamSeconds) / 1_000;
}

/** Whether the memory of a process holds so many streams. */
export function fitsMemory(values: Values, readers: number): boolean {
  return values.baseMB + (readers * values.readerKB) / 1_024 <= values.processMB;
}
