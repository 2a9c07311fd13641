import { randomUUID } from 'node:crypto';
import { headers } from 'next/headers';
import { redirect } from 'next/navigation';
import { after } from 'next/server';
import { createImport, findJob, runImport } from '../../lib/import-job.ts';
import { ProgressBar } from './progress-bar.tsx';

type SearchParams = Promise<{ readonly job?: string | string[] }>;

/** A button that starts a job. Then the progress of the job, also after a reload. */
export default async function Import({ searchParams }: { readonly searchParams: SearchParams }) {
  const { job } = await searchParams;
  return (
    <main style={{ padding: '1rem' }}>
      {job === undefined ? (
        <form action={startImport}>
          <button type="submit">Import</button>
        </form>
      ) : (
        <Progress id={job} />
      )}
    </main>
  );
}

async function Progress({ id }: { readonly id: unknown }) {
  const job = await findJob(id, await headers());
  if (job.kind === 'problem') return <p role="alert">{job.detail}</p>;
  return <ProgressBar channel={job.channel} initial={job.initial} />;
}

async function startImport(): Promise<void> {
  'use server';
  const id = randomUUID();
  const rows = 300;
  await createImport(id, rows);
  // Runs when the answer has been sent. A platform ends it after the route's `maxDuration`.
  after(() => runImport(id, rows));
  redirect(`/import?job=${id}`);
}
