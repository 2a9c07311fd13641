import { setTimeout as sleep } from 'node:timers/promises';
import { publish } from './server/publish.ts';

/** Everyone who knows the id of a job may follow it. Make the id random. */
export const jobChannel = (id: string) => `public:job.${id}`;

/** Shortest time between two events of a job, in ms: a reader sees no more than a few steps in a second. */
const intervalMs = 250;

/** Imports rows, and publishes how far it is. */
export async function runImport(id: string, rows: number): Promise<void> {
  const channel = jobChannel(id);
  let publishedAt = 0;
  for (let done = 0; done < rows; done += 1) {
    await sleep(10); // Your work for one row.
    if (Date.now() - publishedAt < intervalMs) continue;
    publishedAt = Date.now();
    await publish('job.progress', { done, rows }, { channel });
  }
  await publish('job.done', { rows }, { channel, idempotencyKey: `job-${id}-done` });
}
