/** Header with the deadline of a request, from the front to an instance. The function does not see it. */
export const deadlineHeader = 'x-platform-deadline';

/** A message of an instance to the platform: its port when it is ready, or its number of open streams. */
export type InstanceMessage =
  | { readonly port: number }
  | { readonly answer: number; readonly streams: number };

/** Asks an instance for its number of streams. `ask` is the number of the question. */
export type InstanceQuestion = { readonly ask: number };
