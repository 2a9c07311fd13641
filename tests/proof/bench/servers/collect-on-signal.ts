import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/*
 * Loaded into each server ahead of it: on SIGUSR2 it collects its garbage and prints what it still holds. Resident memory
 * says that only roughly: the heap grows and shrinks by steps of its own.
 */

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

process.on('SIGUSR2', () => {
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  console.log(`holds ${heapUsed + external} bytes`);
});
