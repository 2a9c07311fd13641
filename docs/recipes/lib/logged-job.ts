import { setTimeout as sleep } from 'node:timers/promises';
import { endChannel, publish } from './server/publish.ts';

/** The channel of a job's log. It ends with the job; `lib/config/channels.ts` says when it is deleted. */
export const logChannel = (id: string) => `public:log.${id}`;

const write = (channel: string, text: string) => publish('log.line', { text }, { channel });

/** Begins a log, so that its page finds it. */
export async function createLog(channel: string): Promise<void> {
  await write(channel, 'Waiting …');
}

/** Stands in for your job: it writes a line a second. */
export async function runLoggedJob(channel: string): Promise<void> {
  try {
    for (const step of ['Install', 'Check', 'Build', 'Deploy']) {
      await write(channel, `${step} …`);
      await sleep(1_000); // Your work.
    }
    await write(channel, 'Done.');
  } catch (error) {
    console.error(`The job of ${channel} failed:`, error);
    await write(channel, 'Failed.');
  } finally {
    await endChannel(channel, { idempotencyKey: `${channel}-end` });
  }
}
