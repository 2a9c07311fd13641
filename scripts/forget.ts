import { createInterface } from 'node:readline/promises';
import { readSettings, type Settings } from '../lib/config/settings.ts';
import { FeedError } from '../lib/core/feed-error.ts';
import { parseName } from '../lib/core/ids.ts';
import { type EventLog, maxRead } from '../lib/log/event-log.ts';
import { openLog } from '../lib/server/runtime.ts';
import { loadEnvironment, parseOptions, printFailure } from './command-line.ts';

const help = `Deletes a channel: all of its events, and its state. It asks before it deletes.

  npm run forget -- --channel order.7

  --channel <name>  the channel to delete
  --yes             delete it without a question
  --help            show this text

It uses the log that the settings name (the environment, or .env.local), as the app does: production settings for production.
Its readers get a gap "restarted", and nothing of what was deleted. Exit code: 0 the channel is gone; 1 nothing was deleted.
`;

/** Null when the command line asks for help. @throws FeedError `bad-request` */
function readOptions(): { readonly channel: string; readonly isSure: boolean } | null {
  const { values } = parseOptions({
    options: {
      channel: { type: 'string' },
      yes: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  if (values.channel === undefined)
    throw new FeedError('bad-request', '--channel is missing. Add it, for example --channel order.7');
  return { channel: parseName(values.channel, '--channel'), isSure: values.yes };
}

/** What the log has of a channel, in words; null: nothing. */
async function describeChannel(log: EventLog, channel: string): Promise<string | null> {
  let subjects = 0;
  for (let afterSeq = 0; ; ) {
    const { state, events, more } = await log.latest(channel, afterSeq, maxRead);
    if (state === null) return null;
    subjects += events.length;
    afterSeq = events.at(-1)?.id.seq ?? afterSeq;
    if (more) continue;
    const [from, to] = [state.first, state.last].map(({ time }) => new Date(time).toISOString());
    const count = state.last.seq - state.first.seq + 1;
    return `${counted(count, 'event')} (${from} to ${to}) and ${counted(subjects, 'subject')}`;
  }
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`;
}

/** Where the log is, without a secret. */
function placeOf({ redis, feedDb }: Settings): string {
  if (redis === null) return `the file ${feedDb}`;
  if ('url' in redis) return `Redis at ${new URL(redis.url).host}`;
  return 'the Redis of REDIS_URL';
}

async function confirm(question: string): Promise<boolean> {
  // Without a terminal nobody can answer.
  if (!process.stdin.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(question);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

/** Deletes the channel if the user is sure. @returns whether it is gone. */
async function forget(log: EventLog, channel: string, place: string, isSure: boolean): Promise<boolean> {
  const found = await describeChannel(log, channel);
  if (found === null) {
    process.stderr.write(`Channel "${channel}" has no events in ${place}. There is nothing to delete.\n`);
    return true;
  }
  process.stderr.write(`Channel "${channel}" has ${found} in ${place}.\n`);
  if (!isSure && !(await confirm('Delete all of it? It cannot be undone. [y/N] '))) {
    process.stderr.write('Nothing was deleted. Answer y, or add --yes.\n');
    return false;
  }
  await log.forget(channel);
  process.stderr.write(
    `Deleted. Its idempotency keys stay for 24 h; they hold no data. Shared caches may keep pages for up to an hour.\n`,
  );
  return true;
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options === null) {
    process.stdout.write(help);
    return;
  }
  loadEnvironment();
  const settings = readSettings(process.env);
  const log = openLog(settings);
  try {
    const isGone = await forget(log, options.channel, placeOf(settings), options.isSure);
    process.exitCode = isGone ? 0 : 1;
  } finally {
    log.close();
  }
}

try {
  await main();
} catch (error) {
  printFailure('forget', error);
  process.exitCode = 1;
}
