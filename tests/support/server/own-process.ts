import type { Runtime } from '../../../lib/server/runtime.ts';

const holder = globalThis as { [key: symbol]: Runtime | undefined };
const key = Symbol.for('steadfeed');

/** Makes a runtime that of this process, as the app's own code finds it. @returns puts the one before back. */
export function useRuntime(runtime: Runtime): Disposable {
  const before = holder[key];
  holder[key] = runtime;
  return {
    [Symbol.dispose]() {
      if (before === undefined) delete holder[key];
      else holder[key] = before;
    },
  };
}
