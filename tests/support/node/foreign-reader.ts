import { setTimeout as sleep } from 'node:timers/promises';
import type { App } from './app-process.ts';
import { type CuttingProxy, startCuttingProxy } from './cutting-proxy.ts';
import { eventually } from './eventually.ts';
import { range, store } from './publish.ts';

/** A reader of the stream that is not ours. Ends with the scope that holds it by `await using`. */
export type ForeignReader = AsyncDisposable & {
  /** What it was told so far, over all its connections: an event by its data, any other frame by its name. */
  heard(): readonly unknown[] | Promise<readonly unknown[]>;
};

/** Starts a reader of the stream at `address`; resuming is its own affair. */
export type StartForeignReader = (address: string) => ForeignReader | Promise<ForeignReader>;

/** What to start the app with, so that a stream is handed over after three to four seconds, and ends soon after. */
export const shortStreams = { STREAM_MAX_SECONDS: '5' };

/** A native reader obeys `retry:`, which is up to 5 s in hello. */
const patienceMs = 20_000;

/** Between two events: leaves the machine to whoever else tests on it. */
const pauseMs = 50;

/**
 * Publishes while a reader lives through a stream that breaks within an event, and another that is handed over.
 * @param channel of this reader alone.
 * @returns the data of the events it was told, and of those that were published, both in their order.
 */
export async function readThroughCutAndHandover(app: App, channel: string, start: StartForeignReader) {
  await using proxy: CuttingProxy = await startCuttingProxy(app);
  await store(app, range(1, 3), { channel });
  await using reader = await start(`${proxy.url}/api/stream?channel=${channel}&rewind=all`);
  let last = 3;
  const count = async (name: string) => (await reader.heard()).filter((each) => each === name).length;
  const publishUntil = (what: string, isSo: () => boolean | Promise<boolean>) =>
    eventually(`${channel}: ${what}`, patienceMs, async () => {
      last += 1;
      await store(app, [last], { channel });
      await sleep(pauseMs);
      return isSo();
    });

  await publishUntil('it is live', async () => (await reader.heard()).includes(4));
  const [hellos, handovers] = [await count('hello'), await count('handover')];
  proxy.cutInsideAnEvent();
  await publishUntil('its stream breaks', () => proxy.cuts() === 1);
  await publishUntil('it is back', async () => (await count('hello')) > hellos);
  await publishUntil('its stream is handed over', async () => (await count('handover')) > handovers);
  await publishUntil('it is back again', async () => (await count('hello')) > hellos + 1);
  await eventually(`${channel}: it has the last event`, patienceMs, async () =>
    (await reader.heard()).includes(last),
  );
  return {
    told: (await reader.heard()).filter((each) => typeof each === 'number'),
    published: range(1, last),
  };
}
