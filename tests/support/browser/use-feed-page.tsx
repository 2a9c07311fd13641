import { StrictMode, Suspense, useLayoutEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { SWRConfig } from 'swr';
import { useFeed } from '../../../lib/client/use-feed.ts';

const query = new URLSearchParams(location.search);

/** A feed that shares no connection with others; it shows its events where its name says. */
function Beside({ name }: { readonly name: string }) {
  const feed = useFeed({ initial: { events: [], cursor: '0-0' }, transport: 'poll', share: false });
  return (
    <>
      <output id={name}>{feed.events.map((event) => event.id.split('-')[1]).join(' ')}</output>
      <output id={`${name}-status`}>{feed.status}</output>
      <button id={`${name}-retry`} type="button" onClick={feed.retry}>
        retry
      </button>
    </>
  );
}

/** A page with one feed, for a real browser: what it shows is what the test reads. */
function Page() {
  const [isEnabled, setEnabled] = useState(true);
  const [renders, setRenders] = useState(0);
  const feed = useFeed({ initial: { events: [], cursor: '0-0' }, enabled: isEnabled });
  return (
    <main>
      <output id="events">{feed.events.map((event) => event.id.split('-')[1]).join(' ')}</output>
      <output id="status">{feed.status}</output>
      <output id="transport">{feed.transport}</output>
      <button id="toggle" type="button" onClick={() => setEnabled(!isEnabled)}>
        toggle
      </button>
      <button id="render" type="button" onClick={() => setRenders(renders + 1)}>
        render
      </button>
    </main>
  );
}

/** Two components that read the same; the second one comes and goes. */
function TwoFeeds() {
  const [isShown, setShown] = useState(true);
  return (
    <SWRConfig value={appConfig}>
      <Suspense fallback={<Fallback />}>
        <Beside name="first" />
        {isShown && <Beside name="second" />}
      </Suspense>
      <button id="show" type="button" onClick={() => setShown(!isShown)}>
        show
      </button>
    </SWRConfig>
  );
}

/** Leaves a mark where a component was ever suspended. */
function Fallback() {
  useLayoutEffect(() => {
    document.body.dataset.suspended = 'yes';
  }, []);
  return null;
}

/** What an app may have set for its own requests; none of it is for the feed. */
const appConfig = query.has('config')
  ? {
      suspense: true,
      isPaused: () => true,
      refreshInterval: 0,
      dedupingInterval: 60_000,
      revalidateOnMount: false,
      fetcher: () => 'of the app',
    }
  : {};

const root = document.getElementById('root');
if (root !== null) {
  createRoot(root).render(<StrictMode>{query.has('beside') ? <TwoFeeds /> : <Page />}</StrictMode>);
}
