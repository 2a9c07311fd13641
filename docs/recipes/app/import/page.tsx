import { randomUUID } from 'node:crypto';
import { redirect } from 'next/navigation';
import { after } from 'next/server';
import { jobChannel, runImport } from '../../lib/import-job.ts';
import { ProgressBar } from './progress-bar.tsx';

type SearchParams = Promise<{ readonly job?: string }>;

/** A button that starts a job. Then the progress of the job, also after a reload. */
export default async function Import({ searchParams }: { readonly searchParams: SearchParams }) {
  const { job } = await searchParams;
  if (job !== undefined) return <ProgressBar channel={jobChannel(job)} />;
  return (
    <form action={startImport}>
      <button type="submit">Import</button>
    </form>
  );
}

async function startImport(): Promise<void> {
  'use server';
  const id = randomUUID();
  // Runs when the answer has been sent. A platform ends it after the route's `maxDuration`.
  after(() => runImport(id, 300));
  redirect(`/import?job=${id}`);
}
