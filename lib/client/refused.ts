import { openStream, startPoll, stop } from './begin.ts';
import type { Connection } from './connection.ts';
import type { Refusal } from './refusal.ts';

/**
 * What a refusal means, wherever it was met: `stop` for good, `token` for a new token and then the same again,
 * `later` for a wait, `misfit` for an answer that is no stream or page.
 */
export function classify(refusal: Refusal): 'stop' | 'token' | 'later' | 'misfit' {
  switch (refusal.status) {
    case 400:
    case 403:
      return 'stop';
    case 401:
      return 'token';
    case 429:
      return 'later';
    default:
      return 'misfit';
  }
}

/**
 * Answers a 401 for a request made with token number `token`: with a newer token if there is one, else by asking
 * for one, once. Refused with that too, it stops and says so.
 * @param state without the refused stream or poll.
 */
export function renewToken(
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
