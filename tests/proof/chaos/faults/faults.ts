import { callFaults } from './calls.ts';
import type { Fault } from './fault.ts';
import { networkFaults } from './network.ts';
import { processFaults } from './processes.ts';
import { readerFaults } from './readers.ts';
import { redisFaults } from './redis.ts';

/** All that can go wrong. A new fault is a row of one of these tables. */
export const faults: readonly Fault[] = [
  ...networkFaults,
  ...processFaults,
  ...redisFaults,
  ...callFaults,
  ...readerFaults,
];
