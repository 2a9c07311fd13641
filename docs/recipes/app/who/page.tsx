import { headers } from 'next/headers';
import { readFirstLatest } from '../../lib/server/http/first-page.ts';
import { WhoIsHere } from './who-is-here.tsx';

/** The users whose page is open. */
export default async function Who() {
  const first = await readFirstLatest(await headers(), { channel: 'public:who', types: ['here'] });
  if (first.kind === 'problem') return <p role="alert">{first.detail}</p>;
  return <WhoIsHere initial={first.initial} />;
}
