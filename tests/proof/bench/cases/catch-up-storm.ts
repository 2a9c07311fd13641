import { withGrowth } from '../growth-stand.ts';
import type { PublishOrder, Target } from '../load/load-orders.ts';
import { loadOf, startLoad, warmRequestsOf } from '../stand.ts';
import type { Case, Measured, Size } from './case.ts';

const sizes = {
  full: { readers: 1_000, events: 4_000, publishes: 200 },
  smoke: { readers: 10, events: 100, publishes: 5 },
} as const;

/** Whether publishers wait for readers that catch up in the same process. */
export const catchUpStormCases: readonly Case[] = [
  {
    name: 'catch-up-storm',
    what: '20 publish requests a second; then the same while 1,000 readers catch up with 4,000 events of 100 B at once',
    contestants: ['steadfeedTcp'],
    figures: [
      { name: 'publish p50, no reader', unit: 'ms', goals: [] },
      { name: 'publish p99, no reader', unit: 'ms', goals: [] },
      { name: 'publish p50, 1,000 readers catch up', unit: 'ms', goals: [] },
      { name: 'publish p99, 1,000 readers catch up', unit: 'ms', goals: [{ atMost: 500 }] },
      { name: 'events caught up', unit: '/s', goals: [] },
    ],
    run: (contestant, size) =>
      withGrowth(contestant, size, 1, ({ targets, append }) => measure(targets, append, size)),
  },
];

type Append = Parameters<Parameters<typeof withGrowth>[3]>[0]['append'];

/** The publishers and the readers are in processes of their own: the readers have much to do. */
async function measure([target]: readonly Target[], append: Append, size: Size): Promise<Measured> {
  if (target === undefined) throw new Error('no server');
  const { readers, events, publishes } = sizes[size];
  using publisher = startLoad();
  using catchers = startLoad();
  // Eight at a time: a slow answer does not hold back the requests after it.
  const order: PublishOrder = {
    ...{ kind: 'publish', target, events: publishes, batch: 1, together: 8, everyMs: 50 },
    ...{ bytes: 100, isStepwise: false, isWaiting: true },
  };
  await append({ events, channels: null, batch: 100, perSecond: null }, 0);
  await publisher.tell({ ...order, events: warmRequestsOf[size], together: 1, everyMs: 0 });
  const before = await publisher.tell(order);
  const late: Target = { ...target, streamPath: `${target.streamPath}?after=0-0` };
  const catchUp = async () => {
    const opened = await catchers.tell({
      ...{ kind: 'open', target: late, count: readers, together: Math.min(readers, 250), isReading: true },
    });
    const rest = await catchers.tell({ kind: 'resume', events: events * readers });
    return { wallMs: opened.wallMs + rest.wallMs, cpuMs: opened.cpuMs + rest.cpuMs };
  };
  const [during, caughtUp] = await Promise.all([publisher.tell(order), catchUp()]);
  return {
    figures: {
      'publish p50, no reader': before.answerP50Ms ?? Number.NaN,
      'publish p99, no reader': before.answerP99Ms ?? Number.NaN,
      'publish p50, 1,000 readers catch up': during.answerP50Ms ?? Number.NaN,
      'publish p99, 1,000 readers catch up': during.answerP99Ms ?? Number.NaN,
      'events caught up': (events * readers * 1_000) / caughtUp.wallMs,
    },
    clientLoad: loadOf(caughtUp),
  };
}
