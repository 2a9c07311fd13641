import { onTestFinished } from 'vitest';
import type { Runtime } from '../../../lib/server/runtime.ts';
import { makeStand, type Stand, type StandOptions } from './stand.ts';

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

/** A stand whose runtime is that of this process until the test ends. */
export function makeOwnStand(options: StandOptions = {}): Stand {
  const stand = makeStand(options);
  const used = useRuntime(stand.runtime);
  onTestFinished(() => used[Symbol.dispose]());
  return stand;
}
