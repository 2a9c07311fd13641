import { setTimeout as sleep } from 'node:timers/promises';
import { readFirstPage } from './server/http/first-page.ts';
import { publish } from './server/publish.ts';

/** Everyone who knows the id of a job may follow it. Make the id random. */
const jobChannel = (id: string) => `public:job.${id}`;

/** Shortest time between two events of a job, in ms: a reader sees no more than a few steps in a second. */
const intervalMs = 250;

/** Registers a job: from now on `findJob` finds it. */
export async function createImport(id: string, rows: number): Promise<void> {
  await publish('job.progress', { done: 0, rows }, { channel: jobChannel(id) });
}

/** Imports rows, and publishes how far it is. */
export async function runImport(id: string, rows: number): Promise<void> {
  const channel = jobChannel(id);
  let publishedAt = Date.now();
  try {
    for (let done = 0; done < rows; done += 1) {
      await sleep(10); // Your work for one row.
      if (Date.now() - publishedAt < intervalMs) continue;
      publishedAt = Date.now();
      await publish('job.progress', { done, rows }, { channel });
    }
    await publish('job.done', { rows }, { channel, idempotencyKey: `job-${id}-done` });
  } catch (error) {
    console.error(`Job ${id} failed:`, error);
    // Readers get a text of yours: the error's own may hold a secret.
    await publish(
      'job.failed',
      { error: 'The import failed.' },
      { channel, idempotencyKey: `job-${id}-failed` },
    );
  }
}

/** Finds a job, without waiting. @param id from an address: Next gives an array for `?job=a&job=b`. */
export async function findJob(id: unknown, headers: Headers) {
  const none = { kind: 'problem', status: 404, detail: 'There is no such job.' } as const;
  if (!isJobId(id)) return none;
  const channel = jobChannel(id);
  const first = await readFirstPage(headers, { channels: [channel], count: 1 });
  if (first.kind === 'problem') {
    return first.retryAfterSeconds === null
      ? none
      : ({ kind: 'problem', status: 503, detail: first.detail } as const);
  }
  if (JSON.parse(first.initial).events.length === 0) return none;
  return { kind: 'job', channel, initial: first.initial } as const;
}

function isJobId(id: unknown): id is string {
  return typeof id === 'string' && /^[0-9a-f-]{36}$/.test(id);
}
