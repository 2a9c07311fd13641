import { FeedError } from '../lib/core/feed-error.ts';
import { parseOptions, printFailure, readWholeNumber } from './command-line.ts';
import { findFreePort } from './free-port.ts';
import { startLocalUpstash } from './local-upstash/local-upstash.ts';
import { startRedisServer } from './local-upstash/redis-server.ts';

const help = `Runs a Redis on this machine, with the REST API the feed speaks in production.

  npm run redis -- [--port 8079] [--token local]

Its data are kept under .data/redis/<port>. It takes connections from this machine only. Ctrl-C ends it.`;

function fail(cause: unknown): never {
  printFailure('redis', cause);
  process.exit(1);
}

/** Null when the command line asks for help. @throws FeedError `bad-request` */
function readOptions() {
  const { values } = parseOptions({
    options: {
      port: { type: 'string', default: '8079' },
      token: { type: 'string', default: 'local' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  if (!/^[\x21-\x7e]+$/.test(values.token)) {
    throw new FeedError('bad-request', '--token: allowed is printable ASCII without blanks');
  }
  return { port: readWholeNumber('--port', values.port, 1, 65_535), token: values.token };
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options === null) {
    console.log(help);
    return;
  }
  // Checked first, so that two runs never share their data.
  const port = await findFreePort(options.port, '127.0.0.1');
  const server = await startRedisServer({ dir: `.data/redis/${port}` });
  const upstash = await startLocalUpstash({ redisPort: server.port, token: options.token, port });

  console.log(`Redis is ready. To use it, put these two lines into .env.local:

UPSTASH_REDIS_REST_URL=${upstash.url}
UPSTASH_REDIS_REST_TOKEN=${upstash.token}
`);

  let isEnding = false;
  const end = async () => {
    // Ctrl-C reaches this process twice, by the terminal and by npm; a second signal must not end it half-way.
    if (isEnding) return;
    isEnding = true;
    await upstash.close();
    await server.stop();
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  server.ended.then(() => {
    if (!isEnding) fail('redis-server has ended');
  });
}

await main().catch(fail);
