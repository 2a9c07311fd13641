import type { Stand } from './stand.ts';

/** Reads a page that must be given. @param query `after=…&limit=…` */
export async function readPage(stand: Stand, query: string) {
  const response = await stand.ask(`events?${query}`);
  if (response.status !== 200) throw new Error(await response.text());
  return response.json();
}

/** The seqs of a page's events, in their order. */
export function seqsOf({ events }: { readonly events: readonly { readonly id: string }[] }): number[] {
  return events.map(({ id }) => Number(id.split('-')[1]));
}
