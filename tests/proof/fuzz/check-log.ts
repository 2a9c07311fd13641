import { DatabaseSync } from 'node:sqlite';
import { contentKey, eventKey, type Model } from './model.ts';

/** An event as it lies in the log's file. */
export type StoredEvent = {
  readonly channel: string;
  readonly time: number;
  readonly seq: number;
  readonly epoch: string;
  readonly type: string;
  readonly data: string;
};

/** Every event of the file, in the order of its channel. */
export function readStored(file: string): readonly StoredEvent[] {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    const rows = db.prepare(
      'SELECT channel, time, seq, epoch, type, data FROM event ORDER BY channel, time, seq',
    );
    return rows.all() as unknown as StoredEvent[];
  } finally {
    db.close();
  }
}

/** Whether the log is unharmed: all that was acknowledged is there once, in order, dense, and nothing else. */
export function checkLog(stored: readonly StoredEvent[], model: Model): readonly string[] {
  const faults = checkOrder(stored);
  const missing = new Set(model.acknowledged.keys());
  const perhaps = new Map(model.perhaps);
  const present = new Set<string>();
  let unknown = model.unknown();
  for (const event of stored) {
    const key = eventKey(event.channel, `${event.time}-${event.seq}`);
    const content = contentKey(event);
    present.add(key);
    if (missing.delete(key)) {
      const sent = model.acknowledged.get(key) ?? null;
      if (sent !== null && contentKey(sent) !== content)
        faults.push(`${key} holds another event: ${event.data.slice(0, 200)}`);
      continue;
    }
    const left = perhaps.get(content) ?? 0;
    if (left > 0) perhaps.set(content, left - 1);
    else if (unknown > 0) unknown -= 1;
    else faults.push(`${key} was stored and never acknowledged: ${event.data.slice(0, 200)}`);
  }
  for (const key of missing) faults.push(`${key} was acknowledged and is not there`);
  for (const key of model.repeated) {
    if (!present.has(key)) faults.push(`${key} was told as a duplicate and is not there`);
  }
  return faults;
}

function checkOrder(stored: readonly StoredEvent[]): string[] {
  const faults: string[] = [];
  for (const [index, event] of stored.entries()) {
    const before = stored[index - 1];
    const follows = before?.channel === event.channel ? before : null;
    if (event.seq !== (follows?.seq ?? 0) + 1)
      faults.push(`${event.channel}: seq ${event.seq} follows ${follows?.seq ?? 'none'}`);
    if (follows !== null && follows.epoch !== event.epoch) faults.push(`${event.channel}: a second epoch`);
  }
  return faults;
}
