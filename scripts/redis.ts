import { FeedError } from '../lib/core/feed-error.ts';
import { parseOptions, printFailure, readWholeNumber } from './command-line.ts';
import { findFreePort } from './free-port.ts';
import { startLocalUpstash } from './local-upstash/local-upstash.ts';
import { startRedisServer } from './local-upstash/redis-server.ts';

const help = `Runs Redis on this machine, over TCP and behind the REST API of Upstash. Both lead to the same events.

  npm run redis

  --port <n>        port of the REST API (default: 8079)
  --token <text>    token that every request must carry (default: local)
  --redis-port <n>  port of Redis itself, over TCP (default: 6380)
  --help            show this text

The command redis-server must be installed. Events are kept in .data/redis/<port>. Only this machine can connect.
Press Ctrl-C to stop it.
`;

/** Null when the command line asks for help. @throws FeedError `bad-request` */
function readOptions() {
  const { values } = parseOptions({
    options: {
      port: { type: 'string', default: '8079' },
      token: { type: 'string', default: 'local' },
      'redis-port': { type: 'string', default: '6380' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  if (!/^[\x21-\x7e]+$/.test(values.token)) {
    throw new FeedError('bad-request', '--token must be printable ASCII characters without spaces.');
  }
  return {
    port: readWholeNumber('--port', values.port, 1, 65_535),
    redisPort: readWholeNumber('--redis-port', values['redis-port'], 1, 65_535),
    token: values.token,
  };
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options === null) {
    process.stdout.write(help);
    return;
  }
  // Checked before Redis starts: two servers must never write to the same folder.
  const port = await findFreePort(options.port, '127.0.0.1');
  const redisPort = await findFreePort(options.redisPort, '127.0.0.1', '--redis-port');
  const server = await startRedisServer({ port: redisPort, dir: `.data/redis/${port}` });
  const upstash = await startLocalUpstash({ redisPort: server.port, token: options.token, port });

  console.log(`Redis is ready. To use it as Upstash, put these two lines into .env.local and restart the app:

UPSTASH_REDIS_REST_URL=${upstash.url}
UPSTASH_REDIS_REST_TOKEN=${upstash.token}

To use it over TCP, put this line there instead:

REDIS_URL=${server.url}
`);

  let isEnding = false;
  const end = async () => {
    // Ctrl-C reaches this process twice: the terminal and npm both send it. The second signal must not cut this short.
    if (isEnding) return;
    isEnding = true;
    await upstash.close();
    await server.stop();
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  server.ended.then(() => {
    if (!isEnding) fail('redis-server ended by itself. Start this command again.');
  });
}

function fail(cause: unknown): never {
  printFailure('redis', cause);
  process.exit(1);
}

await main().catch(fail);
