import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/*
 * Loaded into each server before its code. On SIGUSR2 it collects garbage and prints the memory that is still used.
 * Resident memory is less exact, because the heap grows and shrinks in steps.
 */

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

process.on('SIGUSR2', () => {
  collect();
  collect();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  console.log(`holds ${heapUsed + external} bytes, ${arrayBuffers} of them in buffers`);
});
