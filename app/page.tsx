import { headers } from 'next/headers';
import { defaultChannel } from '../lib/core/ids.ts';
import { readFirstPage } from '../lib/server/http/first-page.ts';
import { Feed } from './_feed/feed.tsx';
import { ProblemNotice } from './_feed/problem-notice.tsx';

/** Events rendered by the server. */
const firstCount = 50;

type Search = Readonly<Record<string, string | readonly string[] | undefined>>;

/** `/`, or another channel's feed: `/?channel=orders`. */
export default async function Page({ searchParams }: { readonly searchParams: Promise<Search> }) {
  const { channel: asked } = await searchParams;
  const channel = [asked].flat()[0] || defaultChannel;
  const first = await readFirstPage(channel, firstCount, new Headers(await headers()));
  if (first.kind === 'problem') {
    return <ProblemNotice channel={channel} detail={first.detail} isPassing={first.isPassing} />;
  }
  return (
    <Feed
      channel={channel}
      firstPage={JSON.stringify(first.page)}
      key={channel}
      maxProbeMs={first.maxProbeMs}
      renderedAt={first.renderedAt}
      retention={first.retention}
    />
  );
}
