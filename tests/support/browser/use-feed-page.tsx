import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { useFeed } from '../../../lib/client/use-feed.ts';

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

const root = document.getElementById('root');
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <Page />
    </StrictMode>,
  );
}
