import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * Runs `run` outside of the request that is being handled. What waits holds the asynchronous context in which it was
 * begun: a stream's timers would hold all that the framework knows of the request, some KB, for as long as it is open.
 * The context is that in which this module was loaded.
 */
export const outsideRequest: <Result>(run: () => Result) => Result = AsyncLocalStorage.snapshot();
