import { createServer } from 'node:net';
import { parseArgs } from 'node:util';
import { startLocalUpstash } from './local-upstash/local-upstash.ts';
import { startRedisServer } from './local-upstash/redis-server.ts';

const help = `Runs a Redis on this machine, with the REST API the feed speaks in production.

  npm run redis -- [--port 8079] [--token local]

Its data are kept under .data/redis/<port>. It takes connections from this machine only. Ctrl-C ends it.`;

/** Ends with a word why. */
function fail(reason: string): never {
  console.error(`redis: ${reason}`);
  process.exit(1);
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: 'string', default: '8079' },
        token: { type: 'string', default: 'local' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    return values;
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : error}\n\n${help}`);
  }
}

/** Whether nobody listens on the port: asked first, so that two runs never share their data. */
function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

const options = readOptions();
if (options.help) {
  console.log(help);
  process.exit(0);
}
const port = Number(options.port);
if (!/^\d+$/.test(options.port) || port < 1 || port > 65_535) {
  fail(`--port: "${options.port}" is not a port; allowed is 1 to 65535`);
}
if (!/^[\x21-\x7e]+$/.test(options.token)) fail('--token: allowed is printable ASCII without blanks');
if (!(await isFree(port))) fail(`port ${port} is taken; choose another with --port`);

const reasonOf = (error: unknown) => fail(error instanceof Error ? error.message : String(error));
const server = await startRedisServer({ dir: `.data/redis/${port}` }).catch(reasonOf);
const upstash = await startLocalUpstash({ redisPort: server.port, token: options.token, port }).catch(
  reasonOf,
);

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
