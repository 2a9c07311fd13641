import { findJob } from '../../../../lib/import-job.ts';
import { collectFeed } from '../../../../lib/server/read-feed.ts';

/** How long a request waits, in ms. Keep it below the limit of your platform and of proxies. */
const timeoutMs = 25_000;

type Context = { readonly params: Promise<{ readonly id: string }> };

/** Waits for the end of a job. Answers 200 when it is done or has failed; 202 while it still runs: then ask again. */
export async function GET(request: Request, { params }: Context): Promise<Response> {
  const { id } = await params;
  const job = await findJob(id, request.headers);
  if (job.kind === 'problem') return Response.json({ error: job.detail }, { status: job.status });
  const { last } = await collectFeed({
    channels: [job.channel],
    types: ['job.done', 'job.failed'],
    rewind: 'all', // The job may have ended already.
    until: () => true,
    timeoutMs,
    signal: request.signal,
  });
  if (last === null) return Response.json({ status: 'running' }, { status: 202 });
  return Response.json({ status: last.type === 'job.done' ? 'done' : 'failed', ...last.data });
}
