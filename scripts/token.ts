import { FeedError } from '../lib/core/feed-error.ts';
import { excerpt } from '../lib/core/safe-text.ts';
import { createFeedToken, type FeedTokenOptions, maxTtlSeconds } from '../lib/server/feed-token.ts';
import { loadEnvironment, parseOptions, printFailure } from './command-line.ts';

const help = `Makes a token that can read private channels. The app's READ_TOKEN_SECRET signs it.

  npm run --silent token -- --channels 'order.*' --ttl 1h

  --channels <names>  channels that the token can read: a channel, or the start of channel names followed by *.
                      Separate several with commas, or repeat the option
  --ttl <time>        how long the token is valid: 90s, 15m, 1h (default), 30d; at most 366d
  --subject <name>    the user of the token (claim "sub"). Browser tabs share one connection if it is the same
  --secret <text>     the secret that signs the token (default: READ_TOKEN_SECRET from the environment or .env.local,
                      which is safer: other users of this machine can see the arguments of a command)
  --help              show this text

The token goes to stdout, everything else to stderr. Without --silent, npm prints its own lines to stdout too. Exit code: 0 the token is made; 1 it is not.
Send the token as the header "Authorization: Bearer <token>", as the cookie feed_token, or as ?token=<token>.
`;

/** Null when the command line asks for help. @throws FeedError `bad-request`, naming the option and what it takes. */
function readOptions(): FeedTokenOptions | null {
  const { values } = parseOptions({
    options: {
      channels: { type: 'string', multiple: true, default: [] },
      ttl: { type: 'string', default: '1h' },
      subject: { type: 'string' },
      secret: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  const channels = values.channels.flatMap((text) => text.split(',')).map((text) => text.trim());
  if (channels.length === 0) throw refuse("--channels is missing. Add it, for example --channels 'order.*'");
  const { subject, secret } = values;
  return {
    channels,
    ttlSeconds: readSeconds(values.ttl),
    ...(subject !== undefined && { subject }),
    ...(secret !== undefined && { secret }),
  };
}

const unitSeconds = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;

function readSeconds(text: string): number {
  const match = /^(\d{1,9})([smhd])$/.exec(text);
  const seconds = match === null ? 0 : Number(match[1]) * unitSeconds[match[2] as keyof typeof unitSeconds];
  if (seconds > 0 && seconds <= maxTtlSeconds) return seconds;
  throw refuse(`--ttl: "${excerpt(text)}" is not a time such as 90s, 15m, 1h or 30d, of at most 366d.`);
}

function refuse(message: string): FeedError {
  return new FeedError('bad-request', message);
}

async function main(): Promise<void> {
  loadEnvironment();
  const options = readOptions();
  if (options === null) {
    process.stdout.write(help);
    return;
  }
  process.stdout.write(`${await createFeedToken(options)}\n`);
  const end = new Date(Date.now() + options.ttlSeconds * 1_000).toISOString();
  process.stderr.write(`This token can read ${options.channels.join(', ')} until ${end}.\n`);
}

try {
  await main();
} catch (error) {
  printFailure('token', error);
  process.exitCode = 1;
}
