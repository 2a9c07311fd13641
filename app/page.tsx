import { connection } from 'next/server';
import { defaultChannel } from '../lib/core/name.ts';
import { readFirstPage } from '../lib/server/first-page.ts';
import { Feed } from './_feed/feed.tsx';
import { ProblemNotice } from './_feed/problem-notice.tsx';

/** Events rendered by the server. */
const firstCount = 50;

export default async function Page() {
  await connection();
  const first = await readFirstPage(defaultChannel, firstCount);
  if (first.kind === 'problem') return <ProblemNotice channel={defaultChannel} detail={first.detail} />;
  return (
    <Feed
      channel={defaultChannel}
      firstPage={JSON.stringify(first.page)}
      retention={first.retention}
      maxProbeMs={first.maxProbeMs}
    />
  );
}
