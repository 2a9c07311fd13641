import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultChannel } from '../../lib/core/ids.ts';
import type { LocalUpstash } from '../local-upstash/local-upstash.ts';
import type { Front } from './front.ts';

/** What the faults of the demo act on. */
export type DemoParts = {
  readonly front: Front;
  /** Stops the process of the app, as a machine without time for it would, or lets it go on. Null where a system cannot. */
  readonly freeze: ((isFrozen: boolean) => void) | null;
  /** Starts a new process of the app, then ends the old one with SIGTERM. */
  readonly restart: () => Promise<void>;
  /** Publishes this many events. @returns how many are stored. */
  readonly burst: (count: number) => Promise<number>;
  /** The id of the newest event in a channel of the log; null: none is known. */
  readonly newestId: (channel: string) => Promise<string | null>;
  /** How many events the log keeps in a channel. */
  readonly retention: number;
  /** The Redis of the demo; null: it runs on the embedded log. */
  readonly upstash: LocalUpstash | null;
};

type Fault = {
  readonly title: string;
  /** What it does, in a few words. */
  readonly detail: string;
  /** @returns what was done, as a sentence. */
  readonly run: () => Promise<string>;
};

/** How long a fault lasts that ends by itself, in ms. */
const lastsMs = 10_000;
const burstEvents = 1_000;

/** The faults by name, in the order of the page. */
export function demoFaults(parts: DemoParts): ReadonlyMap<string, Fault> {
  const { front, freeze, restart, burst, upstash, retention } = parts;
  const faults = new Map<string, Fault>();
  faults.set('cut', {
    title: 'Cut',
    detail: 'every connection',
    run: async () => {
      const count = front.cut();
      return `All connections were cut (${count}): those of this page, and the demo's own.`;
    },
  });
  faults.set('block', {
    title: 'Block streams',
    detail: 'polls pass, 10 s',
    run: async () => {
      front.blockStreams(true);
      await sleep(lastsMs);
      front.blockStreams(false);
      return 'Streams were held back for 10 s, as behind a proxy that buffers. The page polls until it tries a stream again.';
    },
  });
  faults.set('offline', {
    title: 'Block all',
    detail: 'polls too, 10 s',
    run: async () => {
      front.makeUnreachable(true);
      await sleep(lastsMs);
      front.makeUnreachable(false);
      return 'The feed could not be reached for 10 s.';
    },
  });
  if (freeze !== null) {
    faults.set('freeze', {
      title: 'Freeze server',
      detail: 'SIGSTOP, 10 s',
      run: async () => {
        freeze(true);
        await sleep(lastsMs);
        freeze(false);
        return 'The server stood still for 10 s.';
      },
    });
  }
  faults.set('restart', {
    title: 'Restart server',
    detail: 'with SIGTERM',
    run: async () => {
      await restart();
      return 'The server runs in a new process, and the old one has ended.';
    },
  });
  if (upstash !== null) {
    faults.set('redis', {
      title: 'Lose Redis',
      detail: 'for 10 s',
      run: async () => {
        upstash.faults.dropShare = 1;
        upstash.faults.refuseSubscriptions = 503;
        upstash.cutSubscriptions();
        await sleep(lastsMs);
        upstash.faults.dropShare = 0;
        upstash.faults.refuseSubscriptions = null;
        return 'Redis answered nothing for 10 s.';
      },
    });
    faults.set('announcements', {
      title: 'Mute Redis',
      detail: 'no news, 10 s',
      run: async () => {
        upstash.faults.loseAnnouncementShare = 1;
        await sleep(lastsMs);
        upstash.faults.loseAnnouncementShare = 0;
        return 'No announcement of Redis arrived for 10 s.';
      },
    });
  }
  faults.set('burst', {
    title: 'Burst',
    detail: '1,000 events',
    run: async () => `${(await burst(burstEvents)).toLocaleString('en')} events were published.`,
  });
  faults.set('gap', {
    title: 'Trim the log',
    detail: 'leaves a real gap',
    run: async () => {
      front.makeUnreachable(true);
      const count = await burst(retention + burstEvents);
      // What the process still has in memory would fill the gap.
      await restart();
      front.makeUnreachable(false);
      return `${count.toLocaleString('en')} events were published while the page could not read. The log keeps the newest ${retention.toLocaleString('en')}: the older ones are gone, and the page says how many.`;
    },
  });
  return faults;
}

/**
 * Answers the requests of the page's panel: `GET /demo/state`, and `POST /demo/<fault>`, which answers when the fault is over.
 * One fault runs at a time. Only pages of the demo may ask.
 */
export function createDemoControl(parts: DemoParts) {
  const faults = demoFaults(parts);
  const list = [...faults].map(([name, { title, detail }]) => ({ name, title, detail }));
  let running: string | null = null;

  async function answer(request: IncomingMessage): Promise<readonly [status: number, body: object]> {
    const { method, url = '', headers } = request;
    if (headers['sec-fetch-site'] !== 'same-origin') {
      return [403, { detail: 'Only the page of the demo may ask for this.' }];
    }
    const { pathname, searchParams } = new URL(url, 'http://demo');
    const name = pathname.slice('/demo/'.length);
    const channel = searchParams.get('channel') ?? defaultChannel;
    if (name === 'state' && method === 'GET') {
      return [200, { faults: list, running, newestId: await parts.newestId(channel) }];
    }
    const fault = faults.get(name);
    if (fault === undefined || method !== 'POST') {
      return [
        404,
        { detail: `There is no fault "${name}". It is one of: ${[...faults.keys()].join(', ')}.` },
      ];
    }
    if (running !== null)
      return [409, { detail: `The fault "${running}" is still running. Try again when it is over.` }];
    running = name;
    try {
      return [200, { detail: await fault.run() }];
    } finally {
      running = null;
    }
  }

  return (request: IncomingMessage, response: ServerResponse): void => {
    const send = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      response.end(JSON.stringify(body));
    };
    answer(request).then(
      ([status, body]) => send(status, body),
      (cause: unknown) => send(500, { detail: cause instanceof Error ? cause.message : 'The fault failed.' }),
    );
  };
}
