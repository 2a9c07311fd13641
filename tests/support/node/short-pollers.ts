import { Agent, get, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FeedPage } from '../../../lib/core/event.ts';

/** The results of one poller. */
export type Poller = {
  polls: number;
  /** The events it got, each with the time of its last poll before that, on `performance.now()`; 0: no such poll. */
  readonly got: { readonly id: string; readonly missedAt: number }[];
};

const everyMs = 1_000;

/**
 * Runs `count` readers that poll once a second from `cursor`, for `forMs`, over a few sockets. Half of them send the
 * entity tag of their last page, as a browser's cache does. The others send `no-cache`, as `fetch` with `no-store`
 * does.
 * @throws Error if an answer is neither 200 nor 304.
 */
export async function pollShort(
  proxy: { readonly url: string },
  cursor: string,
  count: number,
  forMs: number,
): Promise<readonly Poller[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const until = performance.now() + forMs;
  const pollers = Array.from({ length: count }, async (_, index) => {
    await sleep((index * everyMs) / count);
    return poll(proxy.url, agent, cursor, until, index % 2 === 0);
  });
  try {
    return await Promise.all(pollers);
  } finally {
    agent.destroy();
  }
}

async function poll(url: string, agent: Agent, from: string, until: number, sendsTag: boolean) {
  const poller: Poller = { polls: 0, got: [] };
  let cursor = from;
  let tag: string | null = null;
  let missedAt = 0;
  while (performance.now() < until) {
    const askedAt = performance.now();
    const headers: Record<string, string> = sendsTag
      ? tag === null
        ? {}
        : { 'if-none-match': tag }
      : { 'cache-control': 'no-cache', pragma: 'no-cache' };
    const answer = await ask(`${url}/api/events?after=${cursor}`, agent, headers);
    poller.polls += 1;
    if (answer.status === 200) {
      const page = JSON.parse(answer.text) as FeedPage;
      for (const { id } of page.events) poller.got.push({ id, missedAt });
      tag = page.cursor === cursor ? answer.tag : null;
      cursor = page.cursor;
    } else if (answer.status !== 304) {
      throw new Error(`the answer to a poll was ${answer.status}: ${answer.text}`);
    }
    missedAt = askedAt;
    await sleep(Math.max(0, askedAt + everyMs - performance.now()));
  }
  return poller;
}

function ask(url: string, agent: Agent, headers: Readonly<Record<string, string>>) {
  return new Promise<{ status: number; tag: string | null; text: string }>((resolve, reject) => {
    const read = (response: IncomingMessage) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (text += chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, tag: response.headers.etag ?? null, text }),
      );
    };
    get(url, { agent, headers, timeout: 30_000 }, read).on('error', reject);
  });
}
