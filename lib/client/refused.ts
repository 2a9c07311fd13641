import { openStream, startPoll, stop } from './begin.ts';
import type { Connection } from './connection.ts';
import type { Refusal } from './refusal.ts';

/**
 * What a refusal makes of a connection where waiting is of no use: it stops, or asks for a new token and tries again.
 * @param state without the refused stream or poll.
 * @param token the number of the token that was refused.
 * @returns null where the same is to be tried later.
 */
export function heed(
  state: Connection,
  role: 'stream' | 'poll',
  token: number,
  refusal: Refusal,
  now: number,
): Connection | null {
  switch (refusal.status) {
    case 400:
    case 403:
      return stop(state, 'refused', refusal.problem);
    case 401:
      return renewToken(state, role, token, refusal, now);
    default:
      return null;
  }
}

/** Whether the answer is no stream or page, but somebody else's, or of a server in trouble; told to wait, it is none. */
export function isMisfit({ status }: Refusal): boolean {
  return status !== 429;
}

/**
 * Answers a 401 for a request made with token number `token`: with a newer token if there is one, else by asking
 * for one, once. Refused with that too, it stops and says so.
 */
function renewToken(
  state: Connection,
  role: 'stream' | 'poll',
  token: number,
  refusal: Refusal,
  now: number,
): Connection {
  const isOutdated = token < state.token;
  if (!isOutdated && (!state.settings.hasToken || state.isTokenNew))
    return stop(state, 'refused', refusal.problem);
  const renewed = isOutdated ? state : { ...state, token: state.token + 1, isTokenNew: true };
  return role === 'stream' ? openStream(renewed, now) : startPoll(renewed, now);
}
