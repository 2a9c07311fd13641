import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from '../../../support/root.ts';
import { startServer } from '../../bench/bench-server.ts';
import { preparePeer } from '../../bench/prepare.ts';
import { startRedisStand } from '../../bench/redis-stand.ts';
import { type PeerOrder, startPeerPage } from '../../chaos/peer/peer-page.ts';
import { startNeededBrowser } from '../../chaos/readers/browser-reader.ts';
import type { Side } from '../run-middleboxes.ts';
import type { ReaderRecord } from './record.ts';

const source = fileURLToPath(new URL('../../chaos/peer/upstash-realtime-chaos', import.meta.url));

/**
 * Starts `@upstash/realtime` on a Redis of its own. Its readers are its own client under React, in Chromium.
 * @param streamSeconds the limit of one request, as our server has it.
 * @param stack ends what is started.
 * @throws Error if it cannot be installed or started, or where there is no Chromium.
 */
export async function startPeerSide(stack: AsyncDisposableStack, streamSeconds: string): Promise<Side> {
  const { peers: packages, app } = preparePeer(source, root);
  const redis = stack.use(await startRedisStand());
  const next = join(packages, 'node_modules/next/dist/bin/next');
  const args = [next, 'start', '-p', '0', '-H', '127.0.0.1'];
  const env = { ...redis.env, STREAM_MAX_SECONDS: streamSeconds };
  const { port, waitedMs } = stack.use(await startServer(args, app, env));
  const home = `http://127.0.0.1:${port}`;
  let last = 0;

  return {
    kinds: ['upstashRealtime'],
    port,
    waitedMs,
    async publish(feed) {
      last += 1;
      const [name, at] = [String(last), Date.now()];
      const body = JSON.stringify({ channel: feed, type: 'message', data: { name, at } });
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${home}/api/realtime`, { method: 'POST', headers, body });
      const text = await response.text();
      if (!response.ok)
        throw new Error(`the peer's answer to the publish request was ${response.status}: ${text}`);
      return { feed, name, at };
    },
    async startReaders(orders) {
      const browser = await startNeededBrowser('--peer');
      stack.defer(() => browser.close());
      const all = orders.map(
        ({ box, feed, url }): PeerOrder => ({
          ...{ reader: `${box} ${feed}`, channels: [feed], url: `${url}/api/realtime` },
        }),
      );
      const startedAt = Date.now();
      const page = await startPeerPage(await browser.newPage(), packages, home, all);
      return {
        async finish() {
          const [events, changes, requests] = [
            await page.take(),
            await page.changes(),
            await page.requests(),
          ];
          const records = orders.map(({ kind, box, feed, url }): ReaderRecord => {
            const own = <T extends { readonly reader: string }>(list: readonly T[]) =>
              list.filter(({ reader }) => reader === `${box} ${feed}`);
            return {
              ...{ kind, box, feed, startedAt },
              events: own(events).map(({ mark, at }) => [mark.name, at]),
              statuses: own(changes).map(({ status, at }) => [status === 'connected' ? 'live' : 'down', at]),
              // A box that counts clients has an address for each reader. All others share one.
              requestsAt: requests
                .filter((each) => each.url.startsWith(`${url}/`) && each.url.includes(`=${feed}`))
                .map(({ at }) => at),
            };
          });
          return { records, maxDelayMs: 0 };
        },
      };
    },
  };
}
