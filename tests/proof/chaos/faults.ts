import type { Fault } from './fault.ts';
import { callFaults } from './faults/calls.ts';
import { networkFaults } from './faults/network.ts';
import { processFaults } from './faults/processes.ts';
import { readerFaults } from './faults/readers.ts';
import { redisFaults } from './faults/redis.ts';

/** All that can go wrong. A new fault is a row of one of these tables. */
export const faults: readonly Fault[] = [
  ...networkFaults,
  ...processFaults,
  ...redisFaults,
  ...callFaults,
  ...readerFaults,
];
