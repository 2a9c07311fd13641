import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { type Middlebox, promise } from '../middlebox.ts';
import { holdAll } from './holding.ts';
import { type Exchange, type HttpRules, passing, startHttpBox, type Way } from './http-box.ts';
import { startTcpBox } from './tcp-box.ts';

/** @param rules called for each box: returns its rules. */
function box(name: string, title: string, rules: () => HttpRules): Middlebox {
  return { name, title, program: null, due: promise, start: (target) => startHttpBox(target, rules()) };
}

const html = { 'content-type': 'text/html' };
const signIn = '<!doctype html><title>Sign in</title><form><input name="room"></form>';

const wantsStream = ({ request }: Exchange) => String(request.headers.accept).includes('text/event-stream');

/** Answers requests for streams itself. All others pass. */
const refuseStreams = (status: number, page: string) => (): HttpRules => ({
  begin(exchange) {
    if (wantsStream(exchange)) exchange.reply(status, html, page);
    return null;
  },
});

function dropLastEventId(headers: IncomingHttpHeaders): void {
  delete headers['last-event-id'];
}

/** Adds the id of the reader's first request to each later one, in one header. */
function joinLastEventIds() {
  let first: string | null = null;
  return (headers: IncomingHttpHeaders): void => {
    const id = headers['last-event-id'];
    if (typeof id !== 'string') return;
    first ??= id;
    headers['last-event-id'] = `${first}, ${id}`;
  };
}

/** One request a second in the long run, and five at once. The others get 503. */
function limitRate() {
  let tokens = 5;
  let at = Date.now();
  return (exchange: Exchange): Way | null => {
    const now = Date.now();
    tokens = Math.min(5, tokens + (now - at) / 1_000);
    at = now;
    if (tokens >= 1) tokens -= 1;
    else exchange.reply(503, html, '<h1>503 Service Temporarily Unavailable</h1>');
    return null;
  };
}

type Kept = { readonly untilMs: number; readonly headers: OutgoingHttpHeaders; readonly body: Buffer };

/** Keeps each complete answer for 30 s by its address, whatever its `Cache-Control` says. It holds streams. */
function keepAnswers() {
  const kept = new Map<string, Kept>();
  return (exchange: Exchange): Way | null => {
    const { request, write, end } = exchange;
    if (request.method !== 'GET') return null;
    const address = request.url ?? '';
    const found = kept.get(address);
    if (found !== undefined && found.untilMs > Date.now()) {
      exchange.reply(200, found.headers, found.body);
      return null;
    }
    const hold = holdAll(exchange);
    const chunks: Buffer[] = [];
    let head: { readonly status: number; readonly headers: OutgoingHttpHeaders } | null = null;
    return {
      ...hold,
      head(status, headers) {
        delete headers['cache-control'];
        head = { status, headers };
      },
      take(chunk) {
        chunks.push(chunk);
        hold.take(chunk);
      },
      end() {
        const body = Buffer.concat(chunks);
        if (head?.status === 200)
          kept.set(address, { untilMs: Date.now() + 30_000, headers: head.headers, body });
        write(body);
        end();
      },
    };
  };
}

/** Ends lines with CR LF. */
function rewriteLineEnds(exchange: Exchange): Way {
  let isText = true;
  return {
    ...passing(exchange),
    head(_status, headers) {
      // A compressed body has no lines.
      isText = headers['content-encoding'] === undefined;
      if (isText) delete headers['content-length'];
    },
    take(chunk) {
      const text = chunk.toString('latin1').replaceAll('\n', '\r\n');
      exchange.write(isText ? Buffer.from(text, 'latin1') : chunk);
    },
  };
}

const toHttp10 = (line: RegExp) => (head: Buffer) =>
  Buffer.from(
    head
      .toString('latin1')
      .replace(line, '$1HTTP/1.0$2')
      .replace(/^connection: keep-alive\r\n/im, 'Connection: close\r\n'),
    'latin1',
  );

/** Boxes that change, refuse or invent requests and answers. */
export const meddlingBoxes: readonly Middlebox[] = [
  box('strips-last-event-id', 'strips `Last-Event-ID`', () => ({ changeRequest: dropLastEventId })),
  box('joins-headers', 'joins two `Last-Event-ID` into one header', () => ({
    changeRequest: joinLastEventIds(),
  })),
  box('crlf', 'ends lines with CR LF', () => ({ begin: rewriteLineEnds })),
  {
    ...{
      name: 'http-1.0',
      title: 'speaks HTTP/1.0, one request per connection',
      program: null,
      due: promise,
    },
    start: (target) =>
      startTcpBox(target, {
        firstBytes: {
          request: toHttp10(/^(\S+ \S+ )HTTP\/1\.1(\r\n)/),
          answer: toHttp10(/^()HTTP\/1\.1( )/),
        },
      }),
  },
  box('caches-all', 'holds streams, and caches each answer for 30 s', () => ({ begin: keepAnswers() })),
  {
    ...box('captive-portal', 'answers everything with a page to sign in', () => ({
      begin(exchange) {
        exchange.reply(200, html, signIn);
        return null;
      },
    })),
    ...{ due: null, why: 'nothing of the server can be read' },
  },
  box('page-for-streams', 'answers streams with 200 and a page', refuseStreams(200, signIn)),
  box('refuses-403', 'refuses streams with 403', refuseStreams(403, '<h1>403 Forbidden</h1>')),
  box('refuses-406', 'refuses streams with 406', refuseStreams(406, '<h1>406 Not Acceptable</h1>')),
  {
    ...box('rate-limit', 'allows one request a second, five at once; else 503', () => ({
      begin: limitRate(),
    })),
    countsClients: true,
  },
];
