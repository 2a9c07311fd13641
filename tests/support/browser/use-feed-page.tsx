import { StrictMode, Suspense, useLayoutEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { SWRConfig } from 'swr';
import { useFeed } from '../../../lib/client/use-feed.ts';

const query = new URLSearchParams(location.search);

/** A feed with its own connection. The ids of its elements start with `name`. */
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

/** A page with one feed. The test reads its elements. */
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

/** A feed with the options that say where to begin, and callbacks of the latest render. */
function WithOptions() {
  const [told, setTold] = useState<readonly string[]>([]);
  const tell = (text: string) => setTold((before) => [...before, text]);
  const rewind = query.get('rewind');
  const feed = useFeed({
    ...(rewind === null ? { after: '0-0' } : { rewind }),
    ...(query.has('persist') && { persist: 'session' }),
    onEvents: (events) => tell(`${events.length} events`),
    onStatus: (status, { newest }) => tell(`${status} at ${newest?.id.split('-')[1] ?? 'the start'}`),
  });
  return (
    <>
      <output id="events">{feed.events.map((event) => event.id.split('-')[1]).join(' ')}</output>
      <output id="told">{told.join(', ')}</output>
    </>
  );
}

/** Two components that read the same feed. A button mounts and unmounts the second one. */
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

/** Marks the page if a component was ever suspended. */
function Fallback() {
  useLayoutEffect(() => {
    document.body.dataset.suspended = 'yes';
  }, []);
  return null;
}

/** Options that an app may have set for its own requests. None of them may reach the feed. */
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

function chosenPage() {
  if (query.has('beside')) return <TwoFeeds />;
  return query.has('options') ? <WithOptions /> : <Page />;
}

const root = document.getElementById('root');
if (root !== null) {
  createRoot(root).render(<StrictMode>{chosenPage()}</StrictMode>);
}
