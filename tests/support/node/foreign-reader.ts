import { setTimeout as sleep } from 'node:timers/promises';
import type { App } from './app-process.ts';
import { type CuttingProxy, startCuttingProxy } from './cutting-proxy.ts';
import { eventually } from './eventually.ts';
import { range, store } from './publish.ts';

/** A reader of the stream that is not ours. It ends with its scope (`await using`). */
export type ForeignReader = AsyncDisposable & {
  /** All frames so far, over all its connections: the data of each event, the name of any other frame. */
  received(): readonly unknown[] | Promise<readonly unknown[]>;
};

/** Starts a reader of the stream at `address`. The reader must resume by itself. */
export type StartForeignReader = (address: string) => ForeignReader | Promise<ForeignReader>;

/** Settings of an app whose streams hand over after three to four seconds, and end soon after. */
export const shortStreams = { STREAM_MAX_SECONDS: '5' };

/** A native reader obeys `retry:`, which is up to 5 s in hello. */
const timeoutMs = 20_000;

/** The pause between two events. It leaves time to the other tests on this machine. */
const pauseMs = 50;

/**
 * Publishes while a reader gets one stream that breaks inside an event, and one that is handed over.
 * @param channel a channel that only this reader reads.
 * @param stripsLastEventId whether a proxy between them removes that header.
 * @returns the data of the events that it received and of the events that were published, each in order.
 */
export async function readThroughCutAndHandover(
  app: App,
  channel: string,
  start: StartForeignReader,
  stripsLastEventId = false,
) {
  await using proxy: CuttingProxy = await startCuttingProxy(app, stripsLastEventId);
  await store(app, range(1, 3), { channel });
  await using reader = await start(`${proxy.url}/api/stream?channel=${channel}&rewind=all`);
  let last = 3;
  const count = async (name: string) => (await reader.received()).filter((each) => each === name).length;
  const publishUntil = (what: string, isSo: () => boolean | Promise<boolean>) =>
    eventually(`${channel}: ${what}`, timeoutMs, async () => {
      last += 1;
      await store(app, [last], { channel });
      await sleep(pauseMs);
      return isSo();
    });

  await publishUntil('it is live', async () => (await reader.received()).includes(4));
  const [hellos, handovers] = [await count('hello'), await count('handover')];
  proxy.cutInsideAnEvent();
  await publishUntil('its stream breaks', () => proxy.cuts() === 1);
  await publishUntil('it is back', async () => (await count('hello')) > hellos);
  await publishUntil('its stream is handed over', async () => (await count('handover')) > handovers);
  await publishUntil('it is back again', async () => (await count('hello')) > hellos + 1);
  await eventually(`${channel}: it has the last event`, timeoutMs, async () =>
    (await reader.received()).includes(last),
  );
  return {
    received: (await reader.received()).filter((each) => typeof each === 'number'),
    published: range(1, last),
  };
}
