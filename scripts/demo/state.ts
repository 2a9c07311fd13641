import { createHash, randomBytes } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { type CpuInfo, cpus } from 'node:os';
import { join } from 'node:path';
import { jobSubject, stateChannel } from '../../app/_feed/state/demo-channels.ts';
import { type Clock, wait } from '../../lib/core/clock.ts';
import type { makePushEvent } from '../push/push-input.ts';

const coresEveryMs = 2_000;
/** A core whose values stop is gone after this many seconds. */
const coreTtlSeconds = 10;
const maxCores = 8;

/** A job takes about 40 s: this many steps, so far apart. The next one begins after a pause. */
const steps = 40;
const stepMs = 1_000;
const pauseMs = 30_000;

type DemoEvent = Parameters<typeof makePushEvent>[0];

/** Publishes a list of events at once. @returns why that failed; null: it is stored. */
export type DemoPublish = (events: readonly DemoEvent[]) => Promise<string | null>;

/** When the demo ends, and by which clock it waits. */
type DemoLife = { readonly clock: Clock; readonly signal: AbortSignal };

/** Publishes how busy each core of this machine is, until the signal aborts. @returns why that failed; null: it did not. */
export async function publishCores(
  publish: DemoPublish,
  { clock, signal }: DemoLife,
): Promise<string | null> {
  let before = cpus();
  while (!signal.aborted) {
    await wait(clock, coresEveryMs, signal);
    if (signal.aborted) return null;
    const now = cpus();
    const failure = await publish(coreEvents(before, now));
    if (failure !== null) return signal.aborted ? null : failure;
    before = now;
  }
  return null;
}

/** One event for each core: the part of the time between two looks in which it did something. */
export function coreEvents(before: readonly CpuInfo[], now: readonly CpuInfo[]): readonly DemoEvent[] {
  return now.slice(0, maxCores).flatMap((core, index) => {
    const earlier = before[index];
    if (earlier === undefined) return [];
    const passed = sum(core) - sum(earlier);
    const idle = core.times.idle - earlier.times.idle;
    const busyPercent = passed <= 0 ? 0 : Math.round(Math.max(0, 1 - idle / passed) * 100);
    const subject = `core-${index + 1}`;
    return [
      { channel: stateChannel, type: 'core', subject, ttlSeconds: coreTtlSeconds, data: { busyPercent } },
    ];
  });
}

function sum({ times }: CpuInfo): number {
  return Object.values(times).reduce((all, each) => all + each, 0);
}

/**
 * Runs one job after the other, each in a channel of its own that ends with it: it hashes the files of the app. The latest
 * event of a subject names the channel.
 * @returns why publishing failed; null when the signal stopped it.
 */
export async function publishJobs(
  root: string,
  publish: DemoPublish,
  { clock, signal }: DemoLife,
): Promise<string | null> {
  const files = globSync('{app,lib}/**/*.{ts,tsx,css}', { cwd: root }).sort();
  while (!signal.aborted && files.length > 0) {
    const channel = `public:job.${randomBytes(6).toString('hex')}`;
    const named = { channel: stateChannel, type: 'job', subject: jobSubject, data: { channel } };
    const first = { channel, type: 'job.progress', data: { done: 0, total: files.length } };
    let failure = await publish([first, named]);
    const hash = createHash('sha256');
    for (let step = 1; step <= steps && failure === null; step += 1) {
      await wait(clock, stepMs, signal);
      if (signal.aborted) return null;
      const part = Math.ceil(files.length / steps);
      const done = Math.min(files.length, step * part);
      for (const file of files.slice((step - 1) * part, done)) hash.update(readFileSync(join(root, file)));
      const isLast = step === steps;
      const more = isLast ? { sha256: hash.copy().digest('hex') } : {};
      const data = { done, total: files.length, ...more };
      failure = await publish([
        { channel, type: isLast ? 'job.done' : 'job.progress', data, ...(isLast && { end: true }) },
      ]);
    }
    if (failure !== null) return signal.aborted ? null : failure;
    await wait(clock, pauseMs, signal);
  }
  return null;
}
