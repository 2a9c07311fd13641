import { SignJWT } from 'jose';
import { isName } from '../lib/core/ids.ts';
import { loadEnvironment, parseOptions, printFailure } from './command-line.ts';

const help = `Makes a token to read private channels with, signed with the app's READ_TOKEN_SECRET.

  npm run token -- --channels 'order.*' --ttl 1h

  --channels <name>   what it may read: a channel, or the beginning of names and *; repeatable, or comma-separated
  --ttl <time>        how long it lives: 90s, 15m, 1h (default), 30d
  --subject <name>    whose it is (claim sub): tabs of one browser share a connection where it is the same
  --secret <text>     default: READ_TOKEN_SECRET, of the environment or .env.local; arguments show in process lists
  --help

The token goes to stdout, everything else to stderr. Exit code: 0 made, 1 not.
Send it as Authorization: Bearer, as the cookie feed_token, or as ?token=.
`;

/** A token to be made. */
type TokenOrder = {
  /** Names, or beginnings of names that end with `*`. */
  readonly channels: readonly string[];
  readonly seconds: number;
  /** The claim `sub`; null: none. */
  readonly subject: string | null;
  readonly secret: string;
};

type TokenWords = {
  readonly channels?: readonly string[] | undefined;
  readonly ttl: string;
  readonly subject?: string | undefined;
  readonly secret?: string | undefined;
};

const unitSeconds = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;

/** Longest life of a token: nothing takes one back but a new secret. */
const maxSeconds = 366 * 86_400;

/** Reads what the command line says. @throws Error that names the part and what is allowed. */
function readTokenOrder({ channels = [], ttl, subject, secret }: TokenWords): TokenOrder {
  const patterns = channels.flatMap((text) => text.split(',')).map((text) => text.trim());
  if (patterns.length === 0) throw new Error("--channels is needed, for example --channels 'order.*'");
  const wrong = patterns.find((pattern) => !isPattern(pattern));
  if (wrong !== undefined) {
    throw new Error(
      `--channels "${wrong}" is no channel; allowed are names, and beginnings of names with * at the end`,
    );
  }
  if (!secret)
    throw new Error('READ_TOKEN_SECRET is not set; allowed is the secret that the app has, or --secret');
  return { channels: patterns, seconds: readSeconds(ttl), subject: subject ?? null, secret };
}

function isPattern(text: string): boolean {
  return text === '*' || isName(text.replace(/\*$/, ''));
}

function readSeconds(text: string): number {
  const match = /^(\d{1,9})([smhd])$/.exec(text);
  const seconds = match === null ? 0 : Number(match[1]) * unitSeconds[match[2] as keyof typeof unitSeconds];
  if (seconds > 0 && seconds <= maxSeconds) return seconds;
  throw new Error(`--ttl "${text}" is not allowed; allowed are 90s, 15m, 1h, 30d and the like, up to 366d`);
}

/** A JWT as the server reads it (`docs/private-channels.md`). */
function sign({ channels, seconds, subject, secret }: TokenOrder, nowMs: number): Promise<string> {
  const iat = Math.floor(nowMs / 1_000);
  const sub = subject === null ? {} : { sub: subject };
  return new SignJWT({ channels, ...sub, iat, exp: iat + seconds })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .sign(new TextEncoder().encode(secret));
}

async function main(): Promise<void> {
  loadEnvironment();
  const { values } = parseOptions({
    options: {
      channels: { type: 'string', multiple: true },
      ttl: { type: 'string', default: '1h' },
      subject: { type: 'string' },
      secret: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  const order = readTokenOrder({ ...values, secret: values.secret ?? process.env.READ_TOKEN_SECRET });
  process.stdout.write(`${await sign(order, Date.now())}\n`);
  const end = new Date(Date.now() + order.seconds * 1_000).toISOString();
  process.stderr.write(`reads ${order.channels.join(', ')} until ${end}\n`);
}

try {
  await main();
} catch (error) {
  printFailure('token', error);
  process.exitCode = 1;
}
