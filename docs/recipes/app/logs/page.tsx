import { randomUUID } from 'node:crypto';
import { headers } from 'next/headers';
import { redirect } from 'next/navigation';
import { after } from 'next/server';
import { createLog, logChannel, runLoggedJob } from '../../lib/logged-job.ts';
import { readFirstPage } from '../../lib/server/http/first-page.ts';
import { JobLog } from './job-log.tsx';

type SearchParams = Promise<{ readonly job?: string | string[] }>;

/** A button that starts a job. Then the log of the job, also after a reload, and after its end. */
export default async function Logs({ searchParams }: { readonly searchParams: SearchParams }) {
  const { job } = await searchParams;
  if (typeof job !== 'string') {
    return (
      <form action={start}>
        <button type="submit">Start a job</button>
      </form>
    );
  }
  const channel = logChannel(job);
  const first = await readFirstPage(await headers(), {
    channels: [channel],
    types: ['log.line'],
    count: 500,
  });
  if (first.kind === 'problem') return <p role="alert">{first.detail}</p>;
  if (JSON.parse(first.initial).events.length === 0) return <p>There is no such log, or it was deleted.</p>;
  return <JobLog channel={channel} initial={first.initial} />;
}

async function start(): Promise<void> {
  'use server';
  const id = randomUUID();
  await createLog(logChannel(id));
  // Runs when the answer has been sent. A platform ends it after the route's `maxDuration`.
  after(() => runLoggedJob(logChannel(id)));
  redirect(`/logs?job=${id}`);
}
