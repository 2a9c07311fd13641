import { headers } from 'next/headers';
import { readFirstLatest } from '../../lib/server/http/first-page.ts';
import { HostTable } from './host-table.tsx';

/** The latest values of all hosts. */
export default async function Dashboard() {
  const first = await readFirstLatest(await headers(), { channel: 'public:hosts', types: ['host.load'] });
  if (first.kind === 'problem') return <p role="alert">{first.detail}</p>;
  return <HostTable initial={first.initial} />;
}
