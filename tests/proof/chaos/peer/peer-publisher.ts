import { setTimeout as sleep } from 'node:timers/promises';
import type { OwnOptions, Publisher } from '../publisher.ts';
import { keepPublishing } from '../publisher.ts';
import type { Emission, PeerMark } from './judge-peer.ts';

export type PeerPublisherOptions = OwnOptions & {
  readonly channels: readonly string[];
  readonly types: readonly string[];
  /** Mean pause between two requests, in ms. */
  readonly pauseMs: number;
  readonly onStored: (emission: Emission) => void;
  /** Called for each failed attempt. */
  readonly onRetry: () => void;
};

const answerWithinMs = 4_000;

/**
 * Publishes to the peer until `stop`: one event per request, because the peer accepts no more. Each request is sent again
 * until the peer acknowledges it. The peer has no idempotency key.
 */
export function startPeerPublisher(options: PeerPublisherOptions): Publisher {
  const { name, url, draw, channels, types, pauseMs } = options;
  let request = 0;

  async function publish(channel: string): Promise<void> {
    request += 1;
    const data: PeerMark = { name: `${name} ${request}`, at: performance.now() };
    const body = JSON.stringify({ channel, type: draw.pick(types), data });
    while (!(await send(url, body))) {
      options.onRetry();
      await sleep(draw.whole(50, 400));
    }
    options.onStored({ name: data.name, channel, at: Date.now() });
  }

  return {
    stop: keepPublishing(draw, pauseMs, () => publish(draw.pick(channels))),
    async finish(all) {
      for (const channel of all) await publish(channel);
    },
  };
}

/** Sends a request once. @returns whether it was acknowledged. */
async function send(url: string, body: string): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(answerWithinMs);
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${url}/api/realtime`, { method: 'POST', headers, body, signal });
    await response.text();
    return response.ok;
  } catch {
    // The network, a process or Redis is down: the test expects that.
    return false;
  }
}
