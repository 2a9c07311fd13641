import type { Asked, Misbehaviour } from './fetch-server.ts';

const retryAfterSeconds = 5;

type BadAnswer =
  | 'buffersEverything'
  | 'buffersFirst8KiB'
  | 'passesBlocksOf2KiB'
  | 'compressesAndHolds'
  | 'answersHtml'
  | 'answersHtmlToAll'
  | 'answers503'
  | 'answers503ToAll'
  | 'answers429'
  | 'cutsAfter1s'
  | 'neverAnswers'
  | 'neverAnswersAtAll'
  | 'dropsSilently'
  | 'answersAfter3s'
  | 'answersAfter6s';

/**
 * Named ways to misbehave by a clock that is moved by hand. Polls are answered honestly, but for those that
 * misbehave to all. `bad-servers.ts` has such servers with real sockets.
 */
export const badAnswers: Record<BadAnswer, Misbehaviour> = {
  /** A proxy that keeps the body until its end, which never comes. */
  buffersEverything: streams((asked) => asked.honest(() => '')),

  /** A proxy that lets bytes go once 8 KiB have come. */
  buffersFirst8KiB: streams((asked) => asked.honest(holdBack(8_192, 'once'))),

  /** A proxy that lets bytes go whenever 2 KiB have come: hello passes at once, and events in bunches. */
  passesBlocksOf2KiB: streams((asked) => asked.honest(holdBack(2_048, 'again'))),

  /** A compressor that is never flushed: what it has taken comes out when its window of 64 KiB is full. */
  compressesAndHolds: streams((asked) => asked.honest(holdBack(65_536, 'again'))),

  /** A single-page app's fallback route, or a proxy's own page: only the stream's address is affected. */
  answersHtml: streams(html),

  /** A captive portal: there is nothing behind it. */
  answersHtmlToAll: html,

  /** The process holds its maximum of streams. */
  answers503: streams(() => refusal(503)),

  /** The log cannot be reached. */
  answers503ToAll: () => refusal(503),

  /** Too many streams from here. */
  answers429: streams(() => refusal(429)),

  /** Each stream works, for a second. */
  cutsAfter1s: streams((asked) => {
    asked.after(1_000, asked.cut);
    return asked.honest();
  }),

  /** A stream is accepted, and not one byte of an answer comes. */
  neverAnswers: streams(() => never),

  /** A server that hangs: every request is accepted, none is answered. */
  neverAnswersAtAll: () => never,

  /** Hello and what is there, then not one byte more, and no word of it: a NAT that forgot, a proxy that holds the rest. */
  dropsSilently: streams((asked) => {
    let isFirst = true;
    return asked.honest((text) => {
      const passed = isFirst ? text : '';
      isFirst = false;
      return passed;
    });
  }),

  /** The first byte takes its time, within what is allowed. */
  answersAfter3s: streams((asked) => late(asked, 3_000)),

  /** The first byte takes more time than is allowed. */
  answersAfter6s: streams((asked) => late(asked, 6_000)),
};

const never = new Promise<Response>(() => {});

function streams(misbehave: Misbehaviour): Misbehaviour {
  return (asked) => (asked.kind === 'stream' ? misbehave(asked) : asked.honest());
}

function holdBack(size: number, how: 'once' | 'again') {
  let held = '';
  let isOpen = false;
  return (text: string) => {
    if (isOpen) return text;
    held += text;
    if (held.length < size) return '';
    const passed = held;
    held = '';
    isOpen = how === 'once';
    return passed;
  };
}

function html(): Response {
  return new Response('<!doctype html><title>Sign in</title>', { headers: { 'content-type': 'text/html' } });
}

function refusal(status: number): Response {
  const problem = { type: 'about:blank', title: `Status ${status}`, status, detail: 'not now' };
  const headers = { 'content-type': 'application/problem+json', 'retry-after': String(retryAfterSeconds) };
  return new Response(JSON.stringify(problem), { status, headers });
}

function late(asked: Asked, ms: number): Promise<Response> {
  return new Promise((resolve) => asked.after(ms, () => resolve(asked.honest())));
}
