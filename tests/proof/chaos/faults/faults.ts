import { callFaults } from './calls.ts';
import type { Fault } from './fault.ts';
import { networkFaults } from './network.ts';
import { processFaults } from './processes.ts';
import { readerFaults } from './readers.ts';
import { redisFaults } from './redis.ts';

/** All faults. To add one, add a row to one of these tables. */
export const faults: readonly Fault[] = [
  ...networkFaults,
  ...processFaults,
  ...redisFaults,
  ...callFaults,
  ...readerFaults,
];
