import type { Metadata } from 'next';
import { headers } from 'next/headers';
import { connection } from 'next/server';
import { readStatusPage } from '../../lib/server/status/status-page.ts';
import { NoStatus, SignIn } from './sign-in.tsx';
import { Status } from './status.tsx';

export const metadata: Metadata = { title: 'Status · Steadfeed', robots: { index: false, follow: false } };

type SearchParams = Readonly<Record<string, string | readonly string[] | undefined>>;

/** The page at `/status`, for those who run the feed. In production it asks for the publish token. */
export default async function Page({ searchParams }: { readonly searchParams: Promise<SearchParams> }) {
  await connection();
  const { refused } = await searchParams;
  const page = await readStatusPage(await headers());
  if (page.kind === 'problem') return <NoStatus detail={page.detail} />;
  if (page.kind === 'signed-out') return <SignIn refused={refused} secondsPerTry={page.secondsPerTry} />;
  return <Status initial={page.initial} isSignedIn={page.isSignedIn} renderedAt={page.renderedAt} />;
}
