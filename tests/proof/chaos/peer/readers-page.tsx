import { RealtimeContext, RealtimeProvider, useRealtime } from '@upstash/realtime/client';
import { type ReactNode, useContext } from 'react';
import { createRoot } from 'react-dom/client';
import type { PeerMark } from './judge-peer.ts';
import type { PeerOrder, PeerScript, ReceivedEvent } from './peer-page.ts';

/*
 * The peer's own client, as an app uses it: its provider, its hook and the browser's EventSource. Each reader has its own
 * provider.
 */

const received: ReceivedEvent[] = [];
const statuses = new Map<string, string>();

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

const script: PeerScript = { start, take: () => received.splice(0), statuses: () => [...statuses] };
Object.assign(globalThis, { peer: script });
