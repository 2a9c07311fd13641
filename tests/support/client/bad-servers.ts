import { createGzip } from 'node:zlib';
import type { Misbehaviour } from './feed-server.ts';

const eventStream = { 'content-type': 'text/event-stream; charset=utf-8' };
const problem = (status: number, detail: string) =>
  JSON.stringify({ type: 'about:blank', title: `Status ${status}`, status, detail });

type BadServer =
  | 'cutsInsideAFrame'
  | 'sendsHalfACrlf'
  | 'sendsByteByByte'
  | 'answers503'
  | 'answers401'
  | 'answers403'
  | 'buffersEverything'
  | 'buffersFirst8KiB'
  | 'compresses'
  | 'compressesAndHolds'
  | 'answersHtml'
  | 'acceptsAndNeverAnswers'
  | 'dropsSilently'
  | 'cutsEachStreamSoon'
  | 'saysNoHello'
  | 'slowFirstByte'
  | 'sendsGarbage';

/** Named ways to misbehave on `/api/stream`. Each gets the honest stream. */
export const badServers: Record<BadServer, Misbehaviour> = {
  /** The connection breaks within the first frame after the hello. */
  cutsInsideAFrame: ({ response, text, cut }) => {
    const whole = text();
    const end = whole.lastIndexOf('data: ') + 12;
    response.writeHead(200, eventStream);
    response.write(whole.slice(0, end), () => setTimeout(cut, 5));
  },

  /** Line ends are CRLF, and come in two halves. */
  sendsHalfACrlf: ({ response, text }) => {
    response.writeHead(200, eventStream);
    const parts = text().split('\n');
    const send = (index: number): void => {
      if (index === parts.length - 1) return;
      const line = `${parts[index]}\r`;
      response.write(line, () =>
        setImmediate(() => response.write('\n', () => setImmediate(send, index + 1))),
      );
    };
    send(0);
  },

  /** Every byte comes on its own. */
  sendsByteByByte: ({ response, text }) => {
    response.writeHead(200, eventStream);
    const bytes = Buffer.from(text().slice(1_900));
    let index = 0;
    const send = (): void => {
      if (index >= bytes.length) return;
      response.write(bytes.subarray(index, index + 1), () => setImmediate(send));
      index += 1;
    };
    response.write(':');
    send();
  },

  /** The log cannot be reached. The response says when to try again. */
  answers503: ({ response }) => {
    response.writeHead(503, { 'content-type': 'application/problem+json', 'retry-after': '1' });
    response.end(problem(503, 'the log cannot be reached'));
  },

  answers401: ({ response }) => {
    response.writeHead(401, { 'content-type': 'application/problem+json' });
    response.end(problem(401, 'no token'));
  },

  answers403: ({ response }) => {
    response.writeHead(403, { 'content-type': 'application/problem+json' });
    response.end(problem(403, 'the token does not allow channel "feed"'));
  },

  /** A proxy that passes nothing on before the end, and there is none. */
  buffersEverything: ({ response }) => {
    response.writeHead(200, eventStream);
    response.flushHeaders();
  },

  /** A proxy that passes bytes on once it has 8 KiB. */
  buffersFirst8KiB: ({ response, text }) => {
    const whole = text();
    response.writeHead(200, eventStream);
    response.flushHeaders();
    if (whole.length >= 8_192) response.write(whole);
  },

  /** A proxy that compresses, and flushes after each piece. */
  compresses: (stream) => {
    const gzip = createGzip();
    gzip.pipe(stream.response);
    stream.begin({ 'content-encoding': 'gzip' }, (text) => {
      gzip.write(text);
      gzip.flush();
    });
  },

  /** A proxy that compresses, and passes nothing on before its window is full. */
  compressesAndHolds: (stream) => {
    const gzip = createGzip();
    gzip.pipe(stream.response);
    stream.begin({ 'content-encoding': 'gzip' }, (text) => void gzip.write(text));
    stream.response.flushHeaders();
  },

  /** A captive portal, or the fallback route of a single-page app. */
  answersHtml: ({ response }) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Sign in</title>');
  },

  acceptsAndNeverAnswers: () => {},

  /** A hello, and then silence on an open connection. */
  dropsSilently: ({ response, text }) => {
    response.writeHead(200, eventStream).write(text());
  },

  /** Each stream works, but ends soon. */
  cutsEachStreamSoon: (stream) => {
    stream.begin();
    setTimeout(stream.cut, 30);
  },

  /** Bytes come, but the log does not answer. */
  saysNoHello: ({ response }) => {
    response.writeHead(200, eventStream).write(`:${' '.repeat(2_045)}\n\n`);
  },

  /** The first byte is slow, but in time. */
  slowFirstByte: (stream) => {
    setTimeout(stream.begin, 60);
  },

  /** A malformed frame: its data is no JSON. */
  sendsGarbage: ({ response, text }) => {
    response.writeHead(200, eventStream).write(`${text()}id: 0-0\ndata: {"id":\n\n`);
  },
};
