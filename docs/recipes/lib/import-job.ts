import { setTimeout as sleep } from 'node:timers/promises';
import { jobChannel } from './job-channel.ts';
import { readFirstPage } from './server/http/first-page.ts';
import { publish } from './server/publish.ts';

/** Shortest time between two events of a job, in ms: a reader sees no more than a few steps in a second. */
const intervalMs = 250;

/** An error whose text readers may see. Any other error's text may hold a secret. */
class ImportError extends Error {}

/** Registers a job: from now on `findJob` finds it. */
export async function createImport(channel: string, rows: number): Promise<void> {
  await publish('job.progress', { step: 'Waiting', done: 0, rows }, { channel });
}

/** Imports rows, and publishes how far it is. @param file `broken`: the job fails, so that you see it. */
export async function runImport(channel: string, rows: number, file: string): Promise<void> {
  let publishedAt = 0;
  try {
    for (let done = 0; done < rows; done += 1) {
      const step = done < rows / 2 ? 'Checking' : 'Saving'; // The steps of your job.
      if (Date.now() - publishedAt >= intervalMs) {
        publishedAt = Date.now();
        await publish('job.progress', { step, done, rows }, { channel });
      }
      await sleep(10); // Your work for one row.
      if (file === 'broken' && done >= rows * 0.4) throw new ImportError(`Row ${done} has no price.`);
    }
    await publish('job.done', { rows }, { channel, idempotencyKey: `${channel}-done` });
  } catch (error) {
    console.error(`The job of ${channel} failed:`, error);
    const text = error instanceof ImportError ? error.message : 'The import failed.';
    await publish('job.failed', { error: text }, { channel, idempotencyKey: `${channel}-failed` });
  }
}

/** Finds a job, without waiting. @param id from an address: Next gives an array for `?job=a&job=b`. */
export async function findJob(id: unknown, headers: Headers) {
  const none = { kind: 'problem', status: 404, detail: 'There is no such job.' } as const;
  const channel = isJobId(id) ? jobChannel(id, headers) : null;
  if (channel === null) return none;
  // Two events: how far the job was, and why it failed.
  const first = await readFirstPage(headers, { channels: [channel], count: 2 });
  if (first.kind === 'problem') {
    return first.retryAfterSeconds === null
      ? none
      : ({ kind: 'problem', status: 503, detail: first.detail } as const);
  }
  if (JSON.parse(first.initial).events.length === 0) return none;
  return { kind: 'job', channel, initial: first.initial, renderedAt: first.renderedAt } as const;
}

function isJobId(id: unknown): id is string {
  return typeof id === 'string' && /^[0-9a-f-]{36}$/.test(id);
}
