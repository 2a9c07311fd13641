import './fake-window.ts';

import { act, StrictMode, Suspense, useEffect } from 'react';
import { createRoot } from 'react-dom/client';
import useSWR, { SWRConfig } from 'swr';
import { vi } from 'vitest';
import { type UseFeed, useFeed } from '../../../lib/client/use-feed.ts';
import { systemClock } from '../../../lib/core/clock.ts';
import { fetchServer } from './fetch-server.ts';

/** An element that React renders into. */
function newContainer(): Element {
  const element = { nodeType: 1, tagName: 'DIV', namespaceURI: null, ownerDocument: document };
  return Object.assign(new EventTarget(), element) as unknown as Element;
}

/** The configuration that an app gives SWR. */
export type AppConfig = NonNullable<Parameters<typeof SWRConfig>[0]['value']>;

/** An app in React that shows one feed. */
export type FeedApp = AsyncDisposable & {
  readonly server: ReturnType<typeof fetchServer>;
  /** What the feed's component rendered last. */
  feed(): UseFeed;
  /** The seqs of its events. */
  seqs(): readonly number[];
  /** Whether React has ever shown the fallback instead of the component. */
  wasHidden(): boolean;
  /** Lets `ms` pass. */
  passes(ms: number): Promise<void>;
  /** The browser reports that the page is shown. */
  isShown(): Promise<void>;
};

/**
 * Renders an app whose own `SWRConfig` surrounds the feed. Streams do not work here, so the feed polls, every 2 s. Three
 * events are published at the start, and more by the test.
 * @param ownKey the app asks for this by SWR too. Default: it asks for nothing.
 */
export async function appWithFeed(config: AppConfig, ownKey: string | null = null): Promise<FeedApp> {
  const server = fetchServer(systemClock);
  server.stopPublishing();
  server.becomes((asked) =>
    asked.kind === 'poll' ? asked.honest() : new Response('not found', { status: 404 }),
  );
  let feed: UseFeed | null = null;
  let wasHidden = false;

  function Reader(): null {
    feed = useFeed({
      url: 'http://feed',
      share: false,
      initial: { events: [], cursor: '0-0' },
      fetch: server.fetch,
    });
    return null;
  }
  function Own(): null {
    useSWR(ownKey);
    return null;
  }
  function Fallback(): null {
    useEffect(() => {
      wasHidden = true;
    }, []);
    return null;
  }
  const root = createRoot(newContainer());
  await act(async () =>
    root.render(
      <StrictMode>
        <SWRConfig value={config}>
          <Suspense fallback={<Fallback />}>
            <Reader />
            {ownKey !== null && <Own />}
          </Suspense>
        </SWRConfig>
      </StrictMode>,
    ),
  );
  const passes = (ms: number) => act(async () => void (await vi.advanceTimersByTimeAsync(ms)));
  const shown = () => {
    if (feed === null) throw new Error('the component has not rendered');
    return feed;
  };
  return {
    server,
    feed: shown,
    seqs: () => shown().events.map(({ id }) => Number(id.split('-')[1])),
    wasHidden: () => wasHidden,
    passes,
    isShown: () =>
      act(async () => {
        document.dispatchEvent(new Event('visibilitychange'));
        await vi.advanceTimersByTimeAsync(10);
      }),
    [Symbol.asyncDispose]: () => act(async () => root.unmount()),
  };
}
