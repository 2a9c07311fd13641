import { setTimeout as sleep } from 'node:timers/promises';
import { buildOnce } from '../../../scripts/build-app.ts';
import { root } from '../../support/root.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';
import { steadfeed } from '../bench/contestants.ts';
import { type Stand, withStand } from '../bench/stand.ts';
import type { Values } from './constants.ts';

const streams = 500;
const events = 20;

/** The constants of the kind `measured`, from this machine. */
export type Measures = Pick<
  Values,
  'baseMB' | 'readerKB' | 'cpuMsPerOpen' | 'cpuMsPerDelivery' | 'cpuMsPerPoll'
>;

/**
 * Starts the built app with an embedded log, opens 500 streams, publishes one event per second to all of them, and polls.
 * Linux only: it reads `/proc`.
 * @throws Error when the app cannot be built or started.
 */
export async function measure(): Promise<Measures> {
  await buildOnce();
  using folder = makeTemporaryFolder();
  return await withStand(steadfeed(root, folder.path), 'full', measureApp, { warmRequests: 0 });
}

async function measureApp({ server, target, open, publish, tell }: Stand): Promise<Measures> {
  const { port } = target;
  const take = () => ({ memoryKb: server.residentKb(), cpuMs: server.cpuMs() });
  await publish({ events: 1 });
  const idle = take();
  // The first streams include costs that each process has only once.
  await open(50);
  const before = take();
  await open(streams - 50);
  await sleep(2_000);
  const opened = take();
  await publish({ events, everyMs: 1_000, bytes: 200 });
  const delivered = take();
  await tell({ kind: 'close' });
  await sleep(1_000);
  const closed = take();
  const { cursor } = await (await fetch(`http://127.0.0.1:${port}/api/events`)).json();
  const path = `/api/events?after=${encodeURIComponent(cursor)}`;
  const polls = await tell({ kind: 'ask', port, path, headers: {}, seconds: 3, together: 8 });
  return {
    baseMB: idle.memoryKb / 1_024,
    readerKB: (opened.memoryKb - before.memoryKb) / (streams - 50),
    cpuMsPerOpen: (opened.cpuMs - before.cpuMs) / (streams - 50),
    cpuMsPerDelivery: (delivered.cpuMs - opened.cpuMs) / (streams * events),
    cpuMsPerPoll: (take().cpuMs - closed.cpuMs) / polls.count,
  };
}
