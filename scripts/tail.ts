import { connectFeed } from '../lib/client/connect-feed.ts';
import type { FeedStatus } from '../lib/client/connection/status.ts';
import type { Feed, FeedOptions, FeedSnapshot } from '../lib/client/feed-options.ts';
import { connectLatest } from '../lib/client/latest/connect-latest.ts';
import type { Gap } from '../lib/core/continuity.ts';
import { parseCursor } from '../lib/core/cursor.ts';
import type { FeedEvent } from '../lib/core/event.ts';
import { FeedError } from '../lib/core/feed-error.ts';
import { defaultChannel } from '../lib/core/ids.ts';
import { escapeControlCharacters } from '../lib/core/safe-text.ts';
import {
  type AppAddress,
  loadEnvironment,
  parseOptions,
  printFailure,
  readAppAddress,
  readChoice,
} from './command-line.ts';
import { fetchSameOrigin, redirectOf } from './same-origin-fetch.ts';

const help = `Prints the events of a feed as they come. It reconnects by itself, and misses no event.

  npm run tail                    new events
  npm run tail -- --rewind 50     the last 50 events, then new ones
  npm run tail -- --latest        the latest event of each subject, then each change

  --url <address>        the app, with its basePath if it has one (default: the port in PORT on this
                         machine, from the environment or .env.local, else http://localhost:3000)
  --channel <name>       a channel to read (default: ${defaultChannel}). Repeat it to read several
  --type <name>          print events of this type only. Repeat it for several
  --after <cursor>       start after this cursor, or after the id of an event. 0-0: with the oldest event, and first a
                         gap for the events before it that are gone. --rewind all reports no gap
  --rewind <n|age|all>   start n events back (50), or at an age (30s, 10m, 2h), or with the oldest event
  --latest               print the state of one channel, then its changes. What was removed or has expired goes to stderr
  --transport <name>     auto (default), stream or poll. With auto it rests where the server wants polls instead of a stream,
                         so that it keeps no process awake; with stream it has each event at once
  --token <token>        a token for private channels; npm run --silent token makes one
  --json                 print each event as one line of JSON
  --help                 show this text

Events go to stdout, everything else to stderr. It ends by itself when all channels have ended.
Exit code: 0 the channels have ended, or it was ended by Ctrl-C or a closed pipe; 1 the server refused the request; 2 an option is wrong.
`;

function eventLine(event: FeedEvent, isJson: boolean): string {
  if (isJson) return escapeControlCharacters(JSON.stringify(event));
  const time = new Date(event.time).toISOString();
  const about = event.subject === undefined ? '' : ` ${event.subject}${event.remove ? ' (removed)' : ''}`;
  return escapeControlCharacters(
    `${time} ${event.channel} ${event.id} ${event.type}${about} ${JSON.stringify(event.data)}`,
  );
}

function gapLine({ channel, reason, missed, exact, after, resumesAt }: Gap): string {
  const count =
    missed === null ? 'an unknown number of events' : `${exact ? '' : 'at most '}${missed} events`;
  return `gap: channel ${channel} lost ${count} (${reason}) after ${after}. It continues at ${resumesAt ?? 'the next event'}.`;
}

/** What a status line needs of the feed. */
type Told = Pick<FeedSnapshot, 'retryAt' | 'problem'>;

function statusLine(status: FeedStatus, { retryAt, problem }: Told, address: AppAddress): string {
  if (status === 'ended') return 'ended: all channels have ended, and everything is printed.';
  const until = retryAt === null ? '' : `, next try at ${new Date(retryAt).toISOString()}`;
  const silence =
    status === 'waiting' ? `: cannot read the feed at ${address.url}. ${silenceOf(address)}` : '';
  const why = problem === null ? silence : `: ${problem.status} ${textOf(problem)}`;
  return `${status}${until}${why}`;
}

/** A detail that begins with its title needs no title before it. */
function textOf({ title, detail }: NonNullable<FeedSnapshot['problem']>): string {
  return detail.startsWith(title) ? detail : `${title}: ${detail}`;
}

/** The status of the last answer, if it refused without a problem of the feed, as a proxy does; null: there is none. */
let foreignStatus: number | null = null;

function silenceOf({ advice }: AppAddress): string {
  if (foreignStatus === null) return advice;
  const from = `The answer has the status ${foreignStatus}, and does not come from the feed.`;
  return foreignStatus === 502 || foreignStatus === 504
    ? `${from} The proxy reaches no process: does the app run behind it?`
    : `${from} ${advice}`;
}

function report(line: string): void {
  process.stderr.write(`${escapeControlCharacters(line)}\n`);
}

/** A redirect to another origin becomes a refusal that says what to do. */
const fetchFeed: typeof fetch = async (input, init) => {
  foreignStatus = null;
  const response = await fetchSameOrigin(input, init);
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json') ?? false;
  if (!response.ok && !isProblem) foreignStatus = response.status;
  const next = redirectOf(response, String(input));
  if (next === null) return response;
  const { status } = response;
  const detail = `The app redirects to ${next.origin}${next.pathname}. Set --url to the new address of the app.`;
  const headers = { 'content-type': 'application/problem+json' };
  return Response.json({ type: 'about:blank', title: 'Redirect', status, detail }, { status, headers });
};

let draining: Promise<void> | null = null;

/** Writes a line to stdout. @returns a promise that resolves when stdout can take more; undefined if it can now. */
function write(line: string): Promise<void> | undefined {
  if (process.stdout.write(`${line}\n`)) return undefined;
  draining ??= new Promise((resolve) => {
    process.stdout.once('drain', () => {
      draining = null;
      resolve();
    });
  });
  return draining;
}

const options = {
  url: { type: 'string' },
  channel: { type: 'string', multiple: true },
  type: { type: 'string', multiple: true },
  after: { type: 'string' },
  rewind: { type: 'string' },
  latest: { type: 'boolean', default: false },
  transport: { type: 'string', default: 'auto' },
  token: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

type TailOptions = {
  readonly isJson: boolean;
  readonly isLatest: boolean;
  readonly address: AppAddress;
  readonly feed: FeedOptions;
};

/** Null when the command line asks for help. @throws FeedError `bad-request`, naming the option and what it takes. */
function readOptions(): TailOptions | null {
  const { values } = parseOptions({ options });
  if (values.help) return null;
  const { transport, token, after, rewind } = values;
  loadEnvironment();
  const address = readAppAddress(values.url);
  if (!URL.canParse(address.url)) {
    throw refuse('--url must be an address such as http://localhost:3000.');
  }
  const channels = values.channel ?? [defaultChannel];
  if (values.latest && channels.length > 1)
    throw refuse('--latest prints the state of one channel. Give one --channel.');
  if (values.latest && (after ?? rewind) !== undefined) {
    throw refuse('--latest begins with the state. Leave --after and --rewind out.');
  }
  if (after !== undefined) parseCursor(after, channels, '--after');
  const feed: FeedOptions = {
    url: address.url,
    channels,
    types: values.type ?? [],
    transport: readChoice('--transport', transport, ['auto', 'stream', 'poll']),
    // The terminal keeps the printed events; the client need not.
    limit: 1,
    fetch: fetchFeed,
    ...(after !== undefined && { after }),
    ...(rewind !== undefined && { rewind }),
    ...(token !== undefined && { getToken: () => token }),
  };
  return { isJson: values.json, isLatest: values.latest, address, feed };
}

function refuse(message: string): FeedError {
  return new FeedError('bad-request', message);
}

/** Prints what a reader does next, when it changes. A refusal that will not pass ends the script with 1. */
function createStatusReport(address: AppAddress): (status: FeedStatus, told: Told) => void {
  let last = '';
  return (status, told) => {
    if (status === 'stopped' && told.problem === null) return;
    const line = statusLine(status, told, address);
    if (line !== last) report(line);
    last = line;
    if (status === 'stopped') process.exitCode = 1;
  };
}

/**
 * Prints the state of a channel, and then each change. While stdout can take no more, changes are collected: of each subject
 * the newest event is printed.
 */
function printLatest({ feed, isJson, address }: TailOptions): { close(): void } {
  const [channel = defaultChannel] = feed.channels ?? [];
  const latest = connectLatest({ ...feed, channel });
  const reportStatus = createStatusReport(address);
  let printed: ReadonlyMap<string, FeedEvent> = new Map();
  let restarts = 0;
  let isPrinting = false;

  async function print(): Promise<void> {
    if (isPrinting) return;
    isPrinting = true;
    while (printed !== latest.getSnapshot().latest) {
      const next: ReadonlyMap<string, FeedEvent> = latest.getSnapshot().latest;
      const before = printed;
      printed = next;
      for (const subject of before.keys()) {
        if (!next.has(subject))
          report(`gone: channel ${channel} subject ${subject} was removed, or has expired.`);
      }
      for (const [subject, event] of next) {
        if (before.get(subject) !== event) await write(eventLine(event, isJson));
      }
    }
    isPrinting = false;
  }

  function show(): void {
    const snapshot = latest.getSnapshot();
    if (snapshot.restarts > restarts) report(`gap: channel ${channel} was lost, and began anew.`);
    restarts = snapshot.restarts;
    reportStatus(snapshot.status, snapshot);
    void print();
  }

  latest.subscribe(show);
  show();
  return latest;
}

function printEvents({ feed, isJson, address }: TailOptions): Feed {
  return connectFeed({
    ...feed,
    onEvent: (event) => write(eventLine(event, isJson)),
    onGap: (gap) => report(gapLine(gap)),
    onStatus: createStatusReport(address),
  });
}

function main(): void {
  const read = readOptions();
  if (read === null) {
    process.stdout.write(help);
    return;
  }
  const reader = read.isLatest ? printLatest(read) : printEvents(read);
  const end = () => reader.close();
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
  // The other end of the pipe has closed: nobody reads any more.
  process.stdout.on('error', end);
}

try {
  main();
} catch (error) {
  printFailure('tail', error);
  process.exitCode = 2;
}
