import { connectFeed } from '../lib/client/connect-feed.ts';
import type { FeedStatus } from '../lib/client/connection/status.ts';
import type { Feed, FeedOptions, FeedSnapshot } from '../lib/client/feed-options.ts';
import type { Gap } from '../lib/core/continuity.ts';
import { parseCursor } from '../lib/core/cursor.ts';
import type { FeedEvent } from '../lib/core/event.ts';
import { defaultChannel } from '../lib/core/ids.ts';
import { escapeControlCharacters } from '../lib/core/safe-text.ts';
import { parseOptions, printFailure } from './command-line.ts';

const help = `Shows a feed's events as they come, over any number of cuts and restarts.

  npm run tail -- [options]

  --url <origin>          the server, default http://localhost:3000
  --channel <name>        repeatable, default ${defaultChannel}
  --type <name>           repeatable: only events of these types
  --after <cursor>        go on from a cursor
  --rewind <50|10m|all>   begin 50 events back, 10 minutes back (s, m, h), or with the oldest kept
  --transport <auto|stream|poll>
  --token <token>         to read private channels
  --json                  events as JSON, one a line
  --help

Events go to stdout, everything else to stderr. Exit code: 0 ended by Ctrl-C or a closed pipe, 1 refused, 2 usage.
`;

const options = {
  url: { type: 'string', default: 'http://localhost:3000' },
  channel: { type: 'string', multiple: true },
  type: { type: 'string', multiple: true },
  after: { type: 'string' },
  rewind: { type: 'string' },
  transport: { type: 'string', default: 'auto' },
  token: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

function eventLine(event: FeedEvent, isJson: boolean): string {
  if (isJson) return escapeControlCharacters(JSON.stringify(event));
  const time = new Date(event.time).toISOString();
  return escapeControlCharacters(
    `${time} ${event.channel} ${event.id} ${event.type} ${JSON.stringify(event.data)}`,
  );
}

function gapLine({ channel, reason, missed, exact, after, resumesAt }: Gap): string {
  const count =
    missed === null ? 'an unknown number of events' : `${exact ? '' : 'at most '}${missed} events`;
  return `gap: channel ${channel} lost ${count} (${reason}), after ${after}, resumes at ${resumesAt ?? 'the next event'}`;
}

function statusLine(status: FeedStatus, { retryAt, problem }: FeedSnapshot, url: string): string {
  const until = retryAt === null ? '' : `, next try ${new Date(retryAt).toISOString()}`;
  const silence = status === 'waiting' ? `: no answer from ${url}` : '';
  const why = problem === null ? silence : `: ${problem.status} ${problem.title}: ${problem.detail}`;
  return `${status}${until}${why}`;
}

function tell(line: string): void {
  process.stderr.write(`${escapeControlCharacters(line)}\n`);
}

/** Writes a line; while stdout is full, a promise for when it is not. */
let draining: Promise<void> | null = null;
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

type TailOptions = { readonly isJson: boolean; readonly url: string; readonly feed: FeedOptions };

function readOptions(): TailOptions | null {
  const { values } = parseOptions({ options });
  if (values.help) return null;
  const { transport, token, after, rewind } = values;
  if (transport !== 'auto' && transport !== 'stream' && transport !== 'poll') {
    throw new Error('--transport: allowed are auto, stream, poll');
  }
  if (!URL.canParse(values.url)) throw new Error('--url: not a URL; for example http://localhost:3000');
  const channels = values.channel ?? [defaultChannel];
  if (after !== undefined) parseCursor(after, channels, '--after');
  const feed: FeedOptions = {
    url: values.url,
    channels,
    types: values.type ?? [],
    transport,
    // Shown events are not kept: the terminal does that.
    limit: 1,
    ...(after !== undefined && { after }),
    ...(rewind !== undefined && { rewind }),
    ...(token !== undefined && { getToken: () => token }),
  };
  return { isJson: values.json, url: values.url, feed };
}

function main(): void {
  const read = readOptions();
  if (read === null) {
    process.stdout.write(help);
    return;
  }
  const feed: Feed = connectFeed({
    ...read.feed,
    onEvent: (event) => write(eventLine(event, read.isJson)),
    onGap: (gap) => tell(gapLine(gap)),
    onStatus(status, snapshot) {
      if (status === 'stopped' && snapshot.problem === null) return;
      tell(statusLine(status, snapshot, read.url));
      if (status === 'stopped') process.exitCode = 1;
    },
  });
  const end = () => feed.close();
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
  // The reader of the pipe has gone: there is nobody to tell.
  process.stdout.on('error', end);
}

try {
  main();
} catch (error) {
  printFailure('tail', error);
  process.exitCode = 2;
}
