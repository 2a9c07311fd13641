import { randomUUID } from 'node:crypto';
import { headers } from 'next/headers';
import { redirect } from 'next/navigation';
import { after } from 'next/server';
import { createImport, findJob, runImport } from '../../lib/import-job.ts';
import { jobChannel } from '../../lib/job-channel.ts';
import { sessionOf } from '../../lib/session.ts';
import { OnlyFor, SignIn, SignOut } from '../sign-in/sign-in.tsx';
import { ProgressBar } from './progress-bar.tsx';

type SearchParams = Promise<{ readonly job?: string | string[] }>;

/** Two buttons that start a job. Then the progress of the job. Only for signed-in users. */
export default async function Import({ searchParams }: { readonly searchParams: SearchParams }) {
  const { job } = await searchParams;
  const here = typeof job === 'string' ? `/import?job=${job}` : '/import';
  const session = sessionOf(await headers());
  if (session === null) return <SignIn to={here} />;
  return (
    <main style={{ padding: '1rem' }}>
      <OnlyFor user={session.userId} key={session.userId}>
        {job === undefined ? <StartForm /> : <Progress id={job} />}
        <SignOut to={here} />
      </OnlyFor>
    </main>
  );
}

function StartForm() {
  return (
    <form action={startImport}>
      <button type="submit" name="file" value="good">
        Import
      </button>{' '}
      <button type="submit" name="file" value="broken">
        Import a broken file
      </button>
    </form>
  );
}

async function Progress({ id }: { readonly id: unknown }) {
  const job = await findJob(id, await headers());
  if (job.kind === 'problem') return <p role="alert">{job.detail}</p>;
  return <ProgressBar channel={job.channel} initial={job.initial} renderedAt={job.renderedAt} />;
}

async function startImport(form: FormData): Promise<void> {
  'use server';
  const id = randomUUID();
  const channel = jobChannel(id, await headers());
  if (channel === null) redirect('/import');
  const rows = 2_000;
  await createImport(channel, rows);
  // Runs when the answer has been sent. A platform ends it after the route's `maxDuration`.
  after(() => runImport(channel, rows, String(form.get('file'))));
  redirect(`/import?job=${id}`);
}
