import { headers } from 'next/headers';
import { connection } from 'next/server';
import { readFirstPage } from '../../lib/server/http/first-page.ts';
import { Newest } from './newest.tsx';

/** The smallest page with a live feed. The server renders the newest events, and the browser goes on from there. */
export default async function Page() {
  // The newest events are those at the time of the request.
  await connection();
  const channels = ['feed'];
  const first = await readFirstPage(await headers(), { channels });
  if (first.kind === 'problem') return <p role="alert">{first.detail}</p>;
  return <Newest channels={channels} initial={first.initial} />;
}
