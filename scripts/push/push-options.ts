import { randomBytes } from 'node:crypto';
import { FeedError } from '../../lib/core/feed-error.ts';
import { defaultChannel, defaultType, parseName, parseSubject } from '../../lib/core/ids.ts';
import { excerpt } from '../../lib/core/safe-text.ts';
import { parseOptions, readAppAddress, readChoice, readWholeNumber } from '../command-line.ts';
import { tokenAdvice } from './push-events.ts';
import type { LineFormat } from './push-input.ts';

/** The longest life of an event, in seconds; the server's limit. */
const maxTtlSeconds = 30 * 86_400;

/** What `npm run push -- --help` prints. */
export const pushHelp = `Publishes events.

  npm run push -- "text"            publish one event
  npm run push -- '{"id":2}'        publish one event whose data is this JSON object or array
  some-command | npm run push       publish every line as it comes
  npm run push -- --file notes.txt  publish every line of a file

--format says what a line is. Blank lines are skipped.
  lines   the line is text: it becomes the data, a string, of an event with the type of --type
  json    the line is JSON: it becomes the data of an event with the type of --type
  ndjson  the line is an event as JSON: {"data": …, "type"?: "…", "channel"?: "…"}, and subject, remove, ttlSeconds and end.
          Other members are ignored
  auto    (default) ndjson if the first line that is not blank is a JSON object with a "data" member, else lines.
          A text on the command line is also json if it is any other JSON object, or an array

  --file <path>     read this file instead of standard input
  --channel <name>  channel of events that name none (default: ${defaultChannel})
  --type <name>     type of events that name none (default: ${defaultType})
  --subject <name>  what events are about that name nothing: each becomes the latest event of this subject
  --ttl <seconds>   after that time such an event is no longer part of the state, 1 to ${maxTtlSeconds}; needs --subject
  --remove          take the subject out of the state with one event; without a text its data is null; needs --subject
  --end             end the channel: with the text, or after the last line with one more event of the type "end"
  --url <address>   address of the app, with its basePath if it has one (default: the
                    port in PORT on this machine, from the environment or .env.local, else http://localhost:3000)
  --token <token>   the app's publish token (default: PUBLISH_TOKEN from the environment or .env.local, which is safer:
                    other users of this machine can see the arguments of a command)
  --key <prefix>    idempotency keys of the requests are <prefix>-1, <prefix>-2, … (default: random). To push a file
                    again without storing an event twice, use the same --key and --batch within 24 hours
  --batch <n>       max events in one request, 1 to 500 (default: 100). A request is always smaller than 1 MiB.
                    Lines from a pipe wait up to 200 ms for more lines
  --rate <n>        max events per second (default: no limit)
  --retries <n>     how often to retry a request that failed (default: 15, which takes some minutes; 4 while nobody listens at
                    an address that --url does not name)
  --help            show this text

The server stores all events of a request, or none. push sends one request after the other. If the server refuses
one, push stops: the events before it are stored, and the events after it are not.
Exit code: 0 all events are stored; 1 some are not, stderr says which and why; 130 interrupted by Ctrl-C.
`;

export type PushOptions = {
  /** The text to publish as one event; null: read lines. */
  readonly text: string | null;
  /** The file to read lines from; null: standard input. */
  readonly file: string | null;
  readonly format: LineFormat | 'auto';
  /** Channel and type of an event that names none. */
  readonly channel: string;
  readonly type: string;
  /** What an event is about that names nothing; null: nothing. */
  readonly subject: string | null;
  /** After how many seconds such an event expires; null: never. */
  readonly ttlSeconds: number | null;
  /** Publish one event that takes the subject out of the state. */
  readonly isRemove: boolean;
  /** End the channel. */
  readonly isEnd: boolean;
  /** The publish route: `<url>/api/events`. */
  readonly endpoint: URL;
  /** What the user can do if nobody answers there. */
  readonly unreachableAdvice: string;
  /** What the user can do if the token is missing or wrong. */
  readonly tokenAdvice: string;
  readonly token: string | null;
  /** The idempotency key of batch n is `<keyPrefix>-<n>`. */
  readonly keyPrefix: string;
  /** Max events in one batch, 1 to 500. */
  readonly batchEvents: number;
  /** Max events per second; null: no limit. */
  readonly ratePerSecond: number | null;
  /** How often to retry a batch. */
  readonly retries: number;
  /** How often to retry while nobody listens at the endpoint, and it has not answered yet. */
  readonly firstRetries: number;
};

/**
 * Reads the command line of `npm run push`. Null when it asks for help.
 * @throws FeedError `bad-request`, naming the option and what it takes.
 */
export function readPushOptions(): PushOptions | null {
  const { values, positionals } = parseOptions({
    allowPositionals: true,
    options: {
      file: { type: 'string' },
      format: { type: 'string', default: 'auto' },
      channel: { type: 'string', default: defaultChannel },
      type: { type: 'string', default: defaultType },
      subject: { type: 'string' },
      ttl: { type: 'string' },
      remove: { type: 'boolean', default: false },
      end: { type: 'boolean', default: false },
      url: { type: 'string' },
      token: { type: 'string' },
      key: { type: 'string' },
      batch: { type: 'string', default: '100' },
      rate: { type: 'string' },
      retries: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  const retries = readWholeNumber('--retries', values.retries ?? '15', 0, 1_000);
  const [text = null, ...more] = positionals;
  if (more.length > 0) {
    throw refuse(`${positionals.length} texts are given. Put the text of one event in quotes.`);
  }
  if (text !== null && values.file !== undefined) {
    throw refuse('A text and --file are given. Use only one of them.');
  }
  const { subject, ttl, remove: isRemove } = values;
  if (subject === undefined && (isRemove || ttl !== undefined)) {
    throw refuse(`${isRemove ? '--remove' : '--ttl'} needs --subject.`);
  }
  if (isRemove && (ttl ?? values.file) !== undefined) {
    throw refuse('--remove publishes one event that does not expire. Leave --ttl and --file out.');
  }
  const address = readAppAddress(values.url);
  return {
    text,
    file: values.file ?? null,
    format: readChoice('--format', values.format, ['auto', 'lines', 'json', 'ndjson']),
    channel: parseName(values.channel, '--channel'),
    type: parseName(values.type, '--type'),
    subject: subject === undefined ? null : parseSubject(subject, '--subject'),
    ttlSeconds: ttl === undefined ? null : readWholeNumber('--ttl', ttl, 1, maxTtlSeconds),
    isRemove,
    isEnd: values.end,
    endpoint: readEndpoint(address.url),
    unreachableAdvice: address.advice,
    tokenAdvice,
    token: values.token || process.env.PUBLISH_TOKEN || null,
    keyPrefix: readKeyPrefix(values.key),
    batchEvents: readWholeNumber('--batch', values.batch, 1, 500),
    ratePerSecond: values.rate === undefined ? null : readRate(values.rate),
    retries,
    // An address that nobody has named is probably wrong, or its app is not running.
    firstRetries: address.isGiven || values.retries !== undefined ? retries : 4,
  };
}

/** The publish route of the app at `address`. @param option names it in the error. @throws FeedError `bad-request` */
export function readEndpoint(address: string, option = '--url'): URL {
  const url = URL.canParse(address) ? new URL(address) : null;
  // The error does not quote the address, which may have a password.
  if (url === null || !/^https?:$/.test(url.protocol) || url.username || url.password) {
    throw refuse(
      `${option} must be an address such as http://localhost:3000, without a user name or password.`,
    );
  }
  return new URL('api/events', url.href.endsWith('/') ? url.href : `${url.href}/`);
}

function readKeyPrefix(text: string | undefined): string {
  if (text === undefined) return randomBytes(9).toString('base64url');
  if (/^[\x21-\x7e]{1,180}$/.test(text)) return text;
  throw refuse('--key must be 1 to 180 printable ASCII characters without spaces.');
}

function readRate(text: string): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value >= 0.001 && value <= 1_000_000) return value;
  throw refuse(`--rate: "${excerpt(text)}" is not a number from 0.001 to 1000000 (events per second).`);
}

function refuse(message: string): FeedError {
  return new FeedError('bad-request', message);
}
