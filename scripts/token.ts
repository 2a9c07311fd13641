import { parseArgs } from 'node:util';
import { SignJWT } from 'jose';
import { loadEnvironment } from './load-environment.ts';
import { readTokenOrder, type TokenOrder } from './token/token-order.ts';

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
  const { values } = parseArgs({
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
  process.stderr.write(`token: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
