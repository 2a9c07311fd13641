/** Calls an app's callback. An app's callback that throws is the app's error: it is reported as such, and the feed goes on. */
export function guard<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    report(error);
    return undefined;
  }
}

/** Throws `error` where the platform sees it, and nobody else. */
export function report(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
