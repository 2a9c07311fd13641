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
  | 'isFull'
  | 'answers429'
  | 'cutsAfter1s'
  | 'endsAfter14s'
  | 'neverAnswers'
  | 'neverAnswersAtAll'
  | 'dropsSilently'
  | 'answersAfter3s'
  | 'answersAfter6s';

/**
 * Named ways to misbehave, with a clock that the test moves by hand. Polls get an honest answer, unless the name says
 * "all". `bad-servers.ts` has such servers with real sockets.
 */
export const badAnswers: Record<BadAnswer, Misbehaviour> = {
  /** A proxy that passes nothing on before the body ends, and it never does. */
  buffersEverything: streams((asked) => asked.honest(() => '')),

  /** A proxy that passes bytes on once it has 8 KiB. */
  buffersFirst8KiB: streams((asked) => asked.honest(holdBack(8_192, 'once'))),

  /** A proxy that passes bytes on whenever it has 2 KiB: the hello at once, and events in groups. */
  passesBlocksOf2KiB: streams((asked) => asked.honest(holdBack(2_048, 'again'))),

  /** A compressor that never flushes: its output comes when a window of 64 KiB is full. */
  compressesAndHolds: streams((asked) => asked.honest(holdBack(65_536, 'again'))),

  /** The fallback route of a single-page app, or a page of a proxy, at the address of the stream alone. */
  answersHtml: streams(html),

  /** A captive portal: nothing behind it can be reached. */
  answersHtmlToAll: html,

  /** Something at the address of the stream is in trouble. */
  answers503: streams(() => refusal(503)),

  /** The process has as many streams as it may hold. */
  isFull: streams(() => refusal(503, 'urn:steadfeed:problem:too-many-streams')),

  /** The log cannot be reached. */
  answers503ToAll: () => refusal(503),

  /** This address has too many streams. */
  answers429: streams(() => refusal(429)),

  /** Each stream works, for a second. */
  cutsAfter1s: streams((asked) => {
    asked.after(1_000, asked.cut);
    return asked.honest();
  }),

  /** Something that ends each response after 14 s, cleanly and without a handover. */
  endsAfter14s: streams((asked) => {
    asked.after(14_000, asked.end);
    return asked.honest();
  }),

  /** The request for a stream is accepted, and no byte comes back. */
  neverAnswers: streams(() => never),

  /** A server that hangs: it accepts every request, and answers none. */
  neverAnswersAtAll: () => never,

  /** The first bytes come, then silence without an end: a NAT that forgot the connection, or a proxy that holds the rest. */
  dropsSilently: streams((asked) => {
    let isFirst = true;
    return asked.honest((text) => {
      const passed = isFirst ? text : '';
      isFirst = false;
      return passed;
    });
  }),

  /** The first byte is slow, but in time. */
  answersAfter3s: streams((asked) => late(asked, 3_000)),

  /** The first byte comes too late. */
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

function refusal(status: number, type = 'about:blank'): Response {
  const problem = { type, title: `Status ${status}`, status, detail: 'not now' };
  const headers = { 'content-type': 'application/problem+json', 'retry-after': String(retryAfterSeconds) };
  return new Response(JSON.stringify(problem), { status, headers });
}

function late(asked: Asked, ms: number): Promise<Response> {
  return new Promise((resolve) => asked.after(ms, () => resolve(asked.honest())));
}
