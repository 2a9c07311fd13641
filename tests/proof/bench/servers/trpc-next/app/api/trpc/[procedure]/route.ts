import { EventEmitter, on } from 'node:events';
import { initTRPC, tracked } from '@trpc/server';
import { fetchRequestHandler } from '@trpc/server/adapters/fetch';
import { z } from 'zod';

/*
 * A subscription of tRPC over SSE in a Next route, as its documentation sets one up ("Subscriptions", "Next.js"): an
 * emitter in the process, and `tracked` ids. It has no log: what a reader misses is gone.
 */

export const dynamic = 'force-dynamic';

const emitter = new EventEmitter().setMaxListeners(0);
let newest = 0;

function broadcast(events: readonly { readonly data: string }[]): void {
  for (const { data } of events) {
    newest += 1;
    emitter.emit('event', String(newest), data);
  }
}

Object.assign(globalThis, { [Symbol.for('bench.broadcast')]: broadcast });

const t = initTRPC.create({ sse: { ping: { enabled: true, intervalMs: 15_000 } } });

const router = t.router({
  publish: t.procedure.input(z.array(z.object({ data: z.string() }))).mutation(({ input }) => {
    broadcast(input);
    return { ok: true };
  }),
  feed: t.procedure.subscription(async function* ({ signal }) {
    const events = on(emitter, 'event', { signal });
    yield tracked(String(newest), ': hello');
    for await (const [id, data] of events) yield tracked(id, data);
  }),
});

function handle(request: Request): Promise<Response> {
  return fetchRequestHandler({ endpoint: '/api/trpc', req: request, router, createContext: () => ({}) });
}

export { handle as GET, handle as POST };
