import { afterAll, describe, expect, test } from 'vitest';
import { range } from '../support/log/log-steps.ts';
import { makeStand, type Stand } from '../support/server/stand.ts';

/** Most channels of one stream. */
const perStream = 20;

const hourMs = 3_600_000;

/** Most commands of an idle hour, without renewed subscriptions. */
const maxCommands = 75;

type Process = { readonly readers: number; readonly channels: number };

/** How often the log was asked in an hour, and how often readers came back. */
type Cost = {
  readonly ends: number;
  readonly read: number;
  readonly follow: number;
  readonly returns: number;
};

const processes: readonly Process[] = [1, 50].flatMap((channels) =>
  [1, 10, 100, 500].map((readers) => ({ readers, channels })),
);

/** Reads for ever: when a stream ends, it opens the next one with its cursor. */
async function readOn(stand: Stand, names: readonly string[], hasReturned: () => void): Promise<void> {
  let cursor = '';
  for (;;) {
    const init = cursor === '' ? {} : { headers: { 'last-event-id': cursor } };
    const query = names.map((name) => `channel=${name}`).join('&');
    const text = await (await stand.ask(`stream?${query}`, init)).text();
    if (!text.includes('event: hello') || text.includes('event: gap'))
      throw new Error(`an idle stream sent ${text}`);
    cursor = text.match(/(?<=^id: ).*$/gm)?.at(-1) ?? '';
    hasReturned();
  }
}

/** The channels of each stream: a reader with too many channels for one stream has several. */
function streamsOf(names: readonly string[], readers: number): (readonly string[])[] {
  return range(0, readers - 1).flatMap((reader) => {
    const own = names.filter((_, index) => index % readers === reader % names.length);
    const parts = range(1, Math.ceil(own.length / perStream));
    return parts.map((part) => own.slice((part - 1) * perStream, part * perStream));
  });
}

/** An hour without a publish: streams end at their deadlines, and all subscriptions break `breaks` times. */
async function idleHour({ readers, channels }: Process, breaks = 0, eventsEach = 1): Promise<Cost> {
  const stand = makeStand({ env: { STREAM_MAX_SECONDS: '60', HEARTBEAT_SECONDS: '30' } });
  const names = range(1, channels).map((number) => `channel-${number}`);
  for (const name of names) if (eventsEach > 0) await stand.publish(eventsEach, name);
  let returns = 0;
  for (const stream of streamsOf(names, readers)) {
    void readOn(stand, stream, () => {
      returns += 1;
    });
  }
  await stand.clock.advance(hourMs / 6);
  const { calls } = stand.log;
  const before = { ...calls, returns };
  for (const part of range(0, breaks)) {
    if (part > 0) stand.log.cut();
    await stand.clock.advance(hourMs / (breaks + 1));
  }
  return {
    ends: calls.ends - before.ends,
    read: calls.read - before.read,
    follow: calls.follow - before.follow,
    returns: returns - before.returns,
  };
}

describe('an idle hour of a process whose streams end every minute', () => {
  const costs: (Process & Cost)[] = [];
  afterAll(() => console.table(costs));

  test.each(processes)(
    'costs $readers readers of $channels channels as much as one reader of one',
    async (process) => {
      const cost = await idleHour(process);
      costs.push({ ...process, ...cost });
      const one = costs[0] ?? cost;

      expect(cost.returns).toBeGreaterThan(60 * process.readers);
      expect(cost).toMatchObject({ read: 0, follow: 0, ends: one.ends });
      expect(cost.ends).toBeLessThanOrEqual(maxCommands);
    },
    120_000,
  );

  test.each(processes.filter(({ readers }) => readers === 10))(
    'costs $readers readers of $channels channels without an event no more',
    async (process) => {
      const cost = await idleHour(process, 0, 0);

      expect(cost).toMatchObject({ read: 0, follow: 0 });
      expect(cost.ends).toBeLessThanOrEqual(maxCommands);
    },
  );

  test.each(processes.filter(({ readers }) => readers === 10))(
    'in which the service ends all subscriptions four times costs one of $channels channels one more for each',
    async (process) => {
      const cost = await idleHour(process, 4);
      costs.push({ ...process, ...cost });

      expect(cost).toMatchObject({ read: 0, follow: 4 * process.channels });
      expect(cost.ends).toBeLessThanOrEqual(maxCommands);
    },
  );
});
