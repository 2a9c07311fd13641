import { headers } from 'next/headers';
import { connection } from 'next/server';
import { defaultChannel } from '../lib/core/ids.ts';
import { readFirstPage } from '../lib/server/http/first-page.ts';
import { Feed } from './_feed/feed.tsx';
import { ProblemNotice } from './_feed/problem-notice.tsx';

/** Number of events that the server renders. */
const firstCount = 50;

/** The channels that the page's menu offers; any other can be entered. `npm run demo` has channels of its own. */
const offeredChannels: readonly string[] = process.env.DEMO_CHANNELS?.split(',') ?? [defaultChannel];

type SearchParams = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * The page at `/`. It shows the default channel, or the one in the query: `/?channel=orders`. With `view=wall` it is a display
 * on a wall: large, without controls, and the screen stays on.
 */
export default async function Page({ searchParams }: { readonly searchParams: Promise<SearchParams> }) {
  // With `cacheComponents` Next renders what it can before a request comes; the newest events are of the request.
  await connection();
  const { channel: requested, view } = await searchParams;
  const channel = [requested].flat()[0] || defaultChannel;
  const first = await readFirstPage(await headers(), { channels: [channel], count: firstCount });
  if (first.kind === 'problem') {
    const { detail, retryAfterSeconds } = first;
    return <ProblemNotice channel={channel} detail={detail} retryAfterSeconds={retryAfterSeconds} />;
  }
  return (
    <Feed
      channel={channel}
      hasFaults={process.env.DEMO_FAULTS === 'on'}
      hasHosts={process.env.DEMO_HOSTS === 'on'}
      isWall={[view].flat()[0] === 'wall'}
      initial={first.initial}
      key={channel}
      maxProbeMs={first.maxProbeMs}
      offeredChannels={offeredChannels}
      renderedAt={first.renderedAt}
      retention={first.retention}
    />
  );
}
