import { randomBytes } from 'node:crypto';
import { FeedError } from '../../lib/core/feed-error.ts';
import { defaultChannel, defaultType, parseName } from '../../lib/core/ids.ts';
import { excerpt } from '../../lib/core/safe-text.ts';
import { parseOptions, readWholeNumber } from '../command-line.ts';
import type { LineFormat } from './push-input.ts';

/** What `npm run push -- --help` says. */
export const pushHelp = `Publishes events.

  npm run push -- "text"            one event
  some-command | npm run push       one event a line, as the lines come
  npm run push -- --file notes.txt  one event a line

A line becomes an event of --type whose data is the line, as a string; lines of white space are left out.
Or a line is an event itself, as JSON: {"data": …, "type"?: "…", "channel"?: "…"}; other members are left out.
Which of the two is told by --format, for the whole input:
  auto    (default) ndjson when the first line that is not empty is a JSON object with a "data" member, else lines
  lines   every line is text
  ndjson  every line is an event

  --file <path>     read this file instead of standard input
  --channel <name>  channel of events that name none (default: feed)
  --type <name>     type of events that name none (default: message)
  --url <address>   the app (default: http://localhost:3000)
  --token <token>   the app's PUBLISH_TOKEN (default: that variable, of the environment or .env.local;
                    arguments show in process lists)
  --key <prefix>    idempotency key of batch n is <prefix>-<n> (default: random). The same file pushed again with
                    the same key and the same --batch stores nothing twice, for 24 hours
  --batch <n>       most events of one request, 1 to 500 (default: 100); a request also stays under 1 MiB.
                    From a pipe, what has come is sent 200 ms after its first line
  --rate <n>        at most n events a second
  --retries <n>     how often a request is tried again, under its key (default: 15, some minutes)
  --help            this text

Batches are stored whole, one after the other: when one is refused, everything before it is stored, nothing of it.
Exit code: 0 when all is stored; 1 when not, with the reason and the line; 130 when interrupted.
`;

export type PushOptions = {
  /** The one event given as an argument; null where lines are read. */
  readonly text: string | null;
  /** The file whose lines are read; null for standard input. */
  readonly file: string | null;
  readonly format: LineFormat | 'auto';
  /** Channel and type of an event that names none. */
  readonly channel: string;
  readonly type: string;
  /** Where batches are posted: `<url>/api/events`. */
  readonly endpoint: URL;
  readonly token: string | null;
  /** The idempotency key of batch n is `<keyPrefix>-<n>`. */
  readonly keyPrefix: string;
  /** Most events of one batch, 1 to 500. */
  readonly batchEvents: number;
  /** Most events a second; null for as fast as the server takes them. */
  readonly ratePerSecond: number | null;
  /** How often one batch is tried again. */
  readonly retries: number;
};

const formats = ['auto', 'lines', 'ndjson'] as const;

/**
 * Reads the command line of `npm run push`; null when it asks for help.
 * @throws FeedError `bad-request`, naming the option and what is allowed.
 */
export function readPushOptions(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): PushOptions | null {
  const { values, positionals } = parse(args);
  if (values.help) return null;
  const [text = null, ...more] = positionals;
  if (more.length > 0) throw refuse('several texts were given; allowed is one, in quotes');
  if (text !== null && values.file !== undefined) throw refuse('a text and --file; allowed is one of them');
  return {
    text,
    file: values.file ?? null,
    format: readFormat(values.format),
    channel: parseName(values.channel, '--channel'),
    type: parseName(values.type, '--type'),
    endpoint: readEndpoint(values.url),
    token: values.token || env.PUBLISH_TOKEN || null,
    keyPrefix: readKeyPrefix(values.key),
    batchEvents: readWholeNumber('--batch', values.batch, 1, 500),
    ratePerSecond: values.rate === undefined ? null : readRate(values.rate),
    retries: readWholeNumber('--retries', values.retries, 0, 1_000),
  };
}

function parse(args: readonly string[]) {
  return parseOptions({
    args: [...args],
    allowPositionals: true,
    options: {
      file: { type: 'string' },
      format: { type: 'string', default: 'auto' },
      channel: { type: 'string', default: defaultChannel },
      type: { type: 'string', default: defaultType },
      url: { type: 'string', default: 'http://localhost:3000' },
      token: { type: 'string' },
      key: { type: 'string' },
      batch: { type: 'string', default: '100' },
      rate: { type: 'string' },
      retries: { type: 'string', default: '15' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
}

function readFormat(text: string): LineFormat | 'auto' {
  const found = formats.find((format) => format === text);
  if (found !== undefined) return found;
  throw refuse(`--format: "${excerpt(text)}"; allowed is ${formats.join(', ')}`);
}

/** The publish route below `text`. @throws FeedError `bad-request` */
export function readEndpoint(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.username || url.password) {
    throw refuse('--url: not an address; allowed is http://… or https://…, without a name or password in it');
  }
  return new URL('api/events', url.href.endsWith('/') ? url.href : `${url.href}/`);
}

function readKeyPrefix(text: string | undefined): string {
  if (text === undefined) return randomBytes(9).toString('base64url');
  if (/^[\x21-\x7e]{1,180}$/.test(text)) return text;
  throw refuse('--key: not a key; allowed are 1 to 180 printable ASCII characters without spaces');
}

function readRate(text: string): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value >= 0.001 && value <= 1_000_000) return value;
  throw refuse(`--rate: "${excerpt(text)}"; allowed is a number of events a second, from 0.001`);
}

function refuse(message: string): FeedError {
  return new FeedError('bad-request', message);
}
