import { queryObjects, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/*
 * Loaded into each server before its code. On SIGUSR2 it collects garbage and prints the memory that is still used, and the number
 * of spans of OpenTelemetry in it.
 * Resident memory is less exact, because the heap grows and shrinks in steps.
 */

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

process.on('SIGUSR2', () => {
  collect();
  collect();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  console.log(
    `holds ${heapUsed + external} bytes, ${arrayBuffers} of them in buffers, ${countSpans()} spans`,
  );
});

type Api = { readonly trace?: { getTracer(name: string): { startSpan(name: string): object } } };

/** The app has a copy of OpenTelemetry of its own, so the class of its spans is found by one of them. */
function countSpans(): number {
  const api = (globalThis as unknown as Record<symbol, Api | undefined>)[
    Symbol.for('opentelemetry.js.api.1')
  ];
  const probe = api?.trace?.getTracer('probe').startSpan('probe');
  // Without the probe itself.
  return probe === undefined ? 0 : queryObjects(probe.constructor, { format: 'count' }) - 1;
}
