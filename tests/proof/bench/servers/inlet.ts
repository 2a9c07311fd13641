import { type AddressInfo, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';

/*
 * Loaded into a server before its code, where events reach it without a publish request: `BENCH_INLET` says how. A server
 * without a log puts its function that sends an event to all readers on `globalThis`.
 */

type Broadcast = (events: readonly { readonly data: string }[]) => void;

const key = Symbol.for('bench.broadcast');

type Holder = { [key]?: Broadcast };

function broadcast(events: readonly { readonly data: string }[]): void {
  (globalThis as Holder)[key]?.(events);
}

/** The server's own code publishes each line that the port gets. */
async function takeLines(): Promise<void> {
  const publish = process.env.BENCH_PUBLISHES === '1' ? await ownPublish() : null;
  const server = createServer((socket) => {
    createInterface({ input: socket }).on('line', (data) => {
      if (publish === null) broadcast([{ data }]);
      else void publish<string>('message', data);
    });
  });
  server.listen(0, '127.0.0.1', () => console.log(`Inlet: ${(server.address() as AddressInfo).port}`));
}

/** This feed's `publish`. Its runtime, with log and tails, is the one of the routes. */
async function ownPublish() {
  const { publish } = await import('../../../../lib/server/publish.ts');
  return publish;
}

async function hearOverTcp(topic: string, url: string): Promise<void> {
  const redis = new Redis(url);
  redis.on('message', (_topic, text) => broadcast(JSON.parse(text)));
  await redis.subscribe(topic);
}

/** The SUBSCRIBE of the REST API. */
async function hearOverRest(topic: string, url: string, token: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}`, accept: 'text/event-stream' };
  const { body } = await fetch(`${url}/subscribe/${topic}`, { method: 'POST', headers });
  let text = '';
  for await (const chunk of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const lines = `${text}${chunk}`.split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) {
      const start = `data: message,${topic},`;
      if (line.startsWith(start)) broadcast(JSON.parse(line.slice(start.length)));
    }
  }
}

const { BENCH_INLET, BENCH_TOPIC, REDIS_URL, UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN } = process.env;
if (BENCH_INLET === 'line') await takeLines();
// A server with a log hears its announcements.
else if (BENCH_TOPIC && REDIS_URL) await hearOverTcp(BENCH_TOPIC, REDIS_URL);
else if (BENCH_TOPIC && UPSTASH_REDIS_REST_URL && UPSTASH_REDIS_REST_TOKEN)
  void hearOverRest(BENCH_TOPIC, UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN);
