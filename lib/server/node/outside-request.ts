import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * Runs `run` outside the current request. Timers and promises keep the asynchronous context in which they were created: a
 * stream's timers would keep everything that the framework knows about the request, some KB, while the stream is open.
 * `run` gets the context in which this module was loaded, so the module stands alone.
 */
export const outsideRequest: <Result>(run: () => Result) => Result = AsyncLocalStorage.snapshot();
