import { connection } from 'next/server';
import { defaultChannel } from '../lib/core/name.ts';
import { readFirstPage } from '../lib/server/first-page.ts';

export default async function Page() {
  await connection();
  const first = await readFirstPage(defaultChannel, 50);
  return <pre>{JSON.stringify(first, null, 2)}</pre>;
}
