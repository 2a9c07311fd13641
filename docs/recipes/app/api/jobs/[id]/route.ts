import { jobChannel } from '../../../../lib/import-job.ts';
import { collectFeed } from '../../../../lib/server/read-feed.ts';

/** How long a request waits, in ms. Keep it below the limit of your platform and of proxies. */
const timeoutMs = 25_000;

type Context = { readonly params: Promise<{ readonly id: string }> };

/** Waits for the result of a job. Answers 200 with the result; or 202 while the job still runs: then ask again. */
export async function GET(request: Request, { params }: Context): Promise<Response> {
  const { id } = await params;
  if (!/^[0-9a-f-]{36}$/.test(id)) return new Response('There is no such job.\n', { status: 404 });
  const { last } = await collectFeed({
    channels: [jobChannel(id)],
    types: ['job.done'],
    rewind: 'all', // The job may be done already.
    until: () => true,
    timeoutMs,
    signal: request.signal,
  });
  if (last === null) return Response.json({ status: 'running' }, { status: 202 });
  return Response.json(last.data);
}
