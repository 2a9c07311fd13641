import type { Target } from '../load/load-orders.ts';
import { loadOf, warmRequestsOf, withStand } from '../stand.ts';
import type { Case } from './case.ts';

/** Polling, publishing, catching up. */
export const requestCases: readonly Case[] = [
  {
    name: 'poll',
    what: 'polls with nothing new (304), ten at a time, compared with a route that answers a constant',
    contestants: ['steadfeed', 'plainNext'],
    figures: [{ name: 'polls answered', unit: '/s', goals: [{ to: ['plainNext'], atLeast: 0.97 }] }],
    run: (contestant, size) =>
      withStand(contestant, size, async ({ target, tell }) => {
        const poll = { kind: 'ask', port: target.port, together: 10, ...(await pollAtHead(target)) } as const;
        // A slow machine has not compiled this code after a second.
        await tell({ ...poll, seconds: size === 'full' ? 5 : 0.1 });
        const result = await tell({ ...poll, seconds: size === 'full' ? 3 : 0.3 });
        return {
          figures: { 'polls answered': (result.count * 1_000) / result.wallMs },
          clientLoad: loadOf(result),
        };
      }),
  },
  {
    name: 'publish',
    what: 'batches of 100 into the embedded log, stored before the answer; one reader',
    contestants: ['steadfeed'],
    figures: [{ name: 'events stored', unit: '/s', goals: [{ atLeast: 20_000 }] }],
    run: (contestant, size) =>
      withStand(contestant, size, async ({ open, publish }) => {
        await open(1);
        const events = size === 'full' ? 200_000 : 2_000;
        const result = await publish({ events, batch: 100, together: 2 });
        return { figures: { 'events stored': (events * 1_000) / result.wallMs }, clientLoad: loadOf(result) };
      }),
  },
  ...[1, 200].map(
    (readers): Case => ({
      name: `catch-up-${readers}`,
      what: `${readers === 1 ? 'one reader catches' : `${readers} readers catch`} up with 10,000 events of 100 B`,
      contestants: ['steadfeed'],
      figures: [{ name: 'events caught up', unit: '/s', goals: [{ atLeast: 50_000 }] }],
      run: (contestant, size) =>
        withStand(contestant, size, async ({ target, tell, publish }) => {
          const events = size === 'full' ? 10_000 : 500;
          await publish({ events: events - warmRequestsOf[size], batch: 100 });
          const late: Target = { ...target, streamPath: `${target.streamPath}?after=0-0` };
          const order = {
            kind: 'open',
            target: late,
            count: readers,
            together: readers,
            isReading: true,
          } as const;
          const opened = await tell(order);
          const rest = await tell({ kind: 'resume', events: events * readers });
          const wallMs = opened.wallMs + rest.wallMs;
          return {
            figures: { 'events caught up': (events * readers * 1_000) / wallMs },
            clientLoad: loadOf({ wallMs, cpuMs: opened.cpuMs + rest.cpuMs }),
          };
        }),
    }),
  ),
];

/** A poll whose answer is 304. The plain route has no such answer; its constant answer takes that place. */
async function pollAtHead({ port, publishPath }: Target) {
  if (publishPath !== '/api/events') return { path: '/api/constant', headers: {} };
  const origin = `http://127.0.0.1:${port}`;
  const first = (await (await fetch(`${origin}/api/events?rewind=1`)).json()) as { readonly cursor: string };
  const path = `/api/events?after=${encodeURIComponent(first.cursor)}`;
  const response = await fetch(`${origin}${path}`);
  await response.text();
  return { path, headers: { 'if-none-match': response.headers.get('etag') ?? '' } };
}
