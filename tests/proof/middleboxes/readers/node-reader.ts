import { EventSource } from 'eventsource';
import { connectFeed } from '../../../../lib/client/connect-feed.ts';
import type { FeedStatus } from '../../../../lib/client/feed-options.ts';
import type { FeedEvent } from '../../../../lib/core/event.ts';
import { createRecorder, type ReaderOrder, type ReaderRecord, type ReaderStatus } from './record.ts';

/** A reader that runs. */
export type NodeReader = { read(): ReaderRecord; close(): void };

/** Our own client as an app in Node uses it: with its defaults, without a cursor. */
export function startFeedReader(order: ReaderOrder): NodeReader {
  const record = createRecorder(order);
  const feed = connectFeed({
    ...{ url: order.url, channels: [order.feed], limit: 1 },
    fetch(...request) {
      record.request();
      return fetch(...request);
    },
    onEvent: ({ id }) => record.event(id),
    onStatus: (status) => record.status(statusOf(status)),
  });
  return { read: record.read, close: feed.close };
}

function statusOf(status: FeedStatus): ReaderStatus {
  switch (status) {
    case 'streaming':
    case 'handing over':
      return 'live';
    case 'polling':
    case 'resting':
      return 'polling';
    case 'connecting':
    case 'waiting':
    case 'paused':
    case 'offline':
    case 'stopped':
    case 'ended':
      return 'down';
    default:
      return status satisfies never;
  }
}

/** A native `EventSource`, as the package `eventsource` has it for Node. */
export function startEventSource(order: ReaderOrder): NodeReader {
  const record = createRecorder(order);
  const source = new EventSource(`${order.url}/api/stream?channel=${order.feed}`, {
    fetch(address, init) {
      record.request();
      return fetch(address, init);
    },
  });
  source.addEventListener('open', () => record.status('live'));
  source.addEventListener('error', () => record.status('down'));
  source.addEventListener('message', ({ data }) => record.event((JSON.parse(data) as FeedEvent).id));
  return { read: record.read, close: () => source.close() };
}
