/** Header by which the front tells an instance when the platform ends a request; the function never sees it. */
export const deadlineHeader = 'x-platform-deadline';

/** What an instance tells the platform: that it is ready, or how many streams the app holds in it. */
export type InstanceMessage =
  | { readonly port: number }
  | { readonly answer: number; readonly streams: number };

/** Asks an instance for its streams; `ask` names the question. */
export type InstanceQuestion = { readonly ask: number };
