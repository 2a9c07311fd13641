import { RealtimeContext, RealtimeProvider, useRealtime } from '@upstash/realtime/client';
import { type ReactNode, useContext } from 'react';
import { createRoot } from 'react-dom/client';
import type { PeerMark } from './judge-peer.ts';
import type { PeerOrder, PeerScript, ReceivedEvent, StatusChange, StreamRequest } from './peer-page.ts';

/*
 * The peer's own client, as an app uses it: its provider, its hook and the browser's EventSource. Each reader has its own
 * provider.
 */

const received: ReceivedEvent[] = [];
const statuses = new Map<string, string>();
const changes: StatusChange[] = [];
const requests: StreamRequest[] = [];

/** The browser's EventSource, which notes its requests. The browser sends one again after an error that is not final. */
class NotingEventSource extends EventSource {
  constructor(url: string | URL, init?: EventSourceInit) {
    super(url, init);
    const note = () => requests.push({ url: String(url), at: Date.now() });
    note();
    this.addEventListener('error', () => {
      if (this.readyState === this.CONNECTING) note();
    });
  }
}
globalThis.EventSource = NotingEventSource;

/** Reports the id of each event, which the hook leaves out, before the event itself. */
function NoteIds({ note, children }: { readonly note: (id: string) => void; readonly children: ReactNode }) {
  const context = useContext(RealtimeContext);
  if (context === null) return null;
  const register: typeof context.register = (name, channels, tell) =>
    context.register(name, channels, (payload) => {
      note(payload.id ?? '');
      tell(payload);
    });
  return <RealtimeContext.Provider value={{ ...context, register }}>{children}</RealtimeContext.Provider>;
}

function Reader({ reader, channels, lastId }: PeerOrder & { readonly lastId: () => string }) {
  const { status } = useRealtime({
    channels,
    onData: ({ channel, data }) =>
      received.push({ ...{ reader, channel, id: lastId() }, mark: data as PeerMark, at: Date.now() }),
  });
  if (statuses.get(reader) !== status) changes.push({ reader, status, at: Date.now() });
  statuses.set(reader, status);
  return null;
}

function start(orders: readonly PeerOrder[]): void {
  for (const order of orders) {
    let last = '';
    const note = (id: string) => {
      last = id;
    };
    createRoot(document.createElement('div')).render(
      <RealtimeProvider api={{ url: order.url }}>
        <NoteIds note={note}>
          <Reader {...order} lastId={() => last} />
        </NoteIds>
      </RealtimeProvider>,
    );
  }
}

const script: PeerScript = {
  start,
  take: () => received.splice(0),
  statuses: () => [...statuses],
  changes: () => changes,
  requests: () => requests,
};
Object.assign(globalThis, { peer: script });
