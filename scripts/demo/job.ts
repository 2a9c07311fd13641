import { createHash, randomBytes } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostsChannel, jobSubject } from '../../app/_feed/state/demo-channels.ts';
import { type Clock, wait } from '../../lib/core/clock.ts';
import type { makePushEvent } from '../push/push-input.ts';

/** A job takes about 40 s: this many steps, so far apart. The next one begins after a pause. */
const steps = 40;
const stepMs = 1_000;
const pauseMs = 30_000;

export type DemoEvent = Parameters<typeof makePushEvent>[0];

/** Publishes a list of events at once. @returns why that failed; null: it is stored. */
export type DemoPublish = (events: readonly DemoEvent[]) => Promise<string | null>;

/** When the demo ends, and by which clock it waits. */
export type DemoLife = { readonly clock: Clock; readonly signal: AbortSignal };

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
    const named = { channel: hostsChannel, type: 'job', subject: jobSubject, data: { channel } };
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
