/** Everything that is measured, as it is called in reports. */
export const contestantNames = {
  steadfeed: 'Steadfeed',
  steadfeedRedis: 'Steadfeed on Redis',
  bareNode: 'bare `node:http`',
  betterSse: 'better-sse',
  plainNext: 'plain Next route',
  upstashRealtime: '@upstash/realtime 1.1',
  polling: 'polls every second',
} as const;

export type ContestantKey = keyof typeof contestantNames;

/** Whether it is this feed, which the goals are for. */
export function isOurs(key: ContestantKey): boolean {
  return key === 'steadfeed' || key === 'steadfeedRedis';
}
