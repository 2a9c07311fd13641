import type { Witness } from '../witness.ts';
import type { PeerMark } from './peer-mark.ts';

/** The names of all events that Redis has now in the peer's streams, each of which is called as its channel. */
export async function keptNames(
  { call }: Witness,
  channels: readonly string[],
): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (const channel of channels) {
    const entries = (await call('XRANGE', channel, '-', '+')) as readonly StreamEntry[];
    for (const [, fields] of entries) {
      const { name } = JSON.parse(fields[fields.indexOf('data') + 1] ?? '{}') as PeerMark;
      names.add(name);
    }
  }
  return names;
}

/** An entry of a stream as Redis answers it: its fields are names and values in turn. */
type StreamEntry = readonly [id: string, fields: readonly string[]];
