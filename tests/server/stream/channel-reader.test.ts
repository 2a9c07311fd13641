import { describe, expect, test } from 'vitest';
import type { Loss } from '../../../lib/core/continuity.ts';
import type { Position } from '../../../lib/core/cursor.ts';
import { ChannelReader } from '../../../lib/server/stream/channel-reader.ts';
import type { Loaded } from '../../../lib/server/tail/read-through.ts';
import type { Segment } from '../../../lib/server/tail/ring-buffer.ts';
import type { Tail } from '../../../lib/server/tail/tail.ts';
import { makeEntries, positionAt } from '../../support/server/entries.ts';
import { makeStand } from '../../support/server/stand.ts';

/** A reader at position 5 of a tail whose memory and log answers the test sets by hand. */
async function makeReader() {
  const { clock, log, tail: makeTail } = makeStand();
  const real = await makeTail();
  const memory: { segment: Segment | null } = { segment: null };
  const asked: { readonly position: Position; readonly answer: PromiseWithResolvers<Loaded> }[] = [];
  let wakes = 0;
  const tail: Tail = {
    ...real,
    find: () => memory.segment,
    load(position) {
      const answer = Promise.withResolvers<Loaded>();
      asked.push({ position, answer });
      return answer.promise;
    },
  };
  const reader = new ChannelReader(tail, positionAt(5), clock, () => {
    wakes += 1;
  });
  return { clock, log, memory, asked, reader, wakes: () => wakes };
}

const lost: Loss = {
  kind: 'gap',
  reason: 'restarted',
  missed: null,
  resume: positionAt(2),
  resumesAt: null,
};
/** A position of another epoch than the log, which is empty: each answer may be a lagging replica's. */
const stale: Loaded = { kind: 'stale', until: positionAt(5).id, otherwise: lost };
const page = (base: number, first: number, last: number): Loaded => ({
  kind: 'segment',
  segment: { base: positionAt(base), entries: makeEntries(first, last) },
  more: false,
  hasEnded: false,
});

/** Takes everything that is offered, as a stream does. */
function takeAll(reader: ChannelReader): number[] {
  const offer = reader.offer();
  if (offer.kind !== 'entries') return [];
  const taken = offer.segment.entries.slice(offer.from).map(({ id }) => id.seq);
  reader.moveTo(positionAt(taken.at(-1) ?? 0));
  return taken;
}

describe('a reader behind what is in memory', () => {
  test('asks the log once, and is woken by the answer', async () => {
    const { clock, asked, reader, wakes } = await makeReader();

    expect([reader.offer().kind, reader.offer().kind]).toEqual(['asking', 'asking']);
    asked[0]?.answer.resolve(page(5, 6, 8));
    await clock.advance(0);

    expect([asked.length, wakes()]).toEqual([1, 1]);
    expect(takeAll(reader)).toEqual([6, 7, 8]);
  });

  test('that memory has moved on in the meantime gets nothing twice', async () => {
    const { clock, memory, asked, reader } = await makeReader();
    reader.offer();
    memory.segment = { base: positionAt(5), entries: makeEntries(6, 9) };
    expect(takeAll(reader)).toEqual([6, 7, 8, 9]);

    asked[0]?.answer.resolve(page(5, 6, 8));
    await clock.advance(0);
    memory.segment = null;

    expect(reader.offer().kind).toBe('asking');
    expect(asked[1]?.position).toEqual(positionAt(9));
  });

  test('that memory has moved on in the meantime gets no gap', async () => {
    const { clock, memory, asked, reader } = await makeReader();
    reader.offer();
    memory.segment = { base: positionAt(5), entries: makeEntries(6, 9) };
    takeAll(reader);

    asked[0]?.answer.resolve(lost);
    await clock.advance(0);
    memory.segment = null;

    expect(reader.offer().kind).toBe('asking');
  });

  test('asks again for 5 s before it accepts an answer that may be stale', async () => {
    const { clock, asked, reader } = await makeReader();
    reader.offer();
    for (let turn = 0; turn < 20; turn++) {
      asked.at(-1)?.answer.resolve(stale);
      await clock.advance(250);
      expect(reader.offer().kind).toBe('asking');
    }

    asked.at(-1)?.answer.resolve(stale);
    await clock.advance(0);

    expect(reader.offer()).toEqual({ kind: 'gap', loss: lost });
    expect(asked).toHaveLength(21);
  });

  test('waits as long with the next stale answer as with the first', async () => {
    const { clock, memory, asked, reader } = await makeReader();
    reader.offer();
    asked[0]?.answer.resolve(stale);
    await clock.advance(100);
    memory.segment = { base: positionAt(5), entries: makeEntries(6, 9) };
    takeAll(reader);
    memory.segment = null;
    await clock.advance(60_000);

    reader.offer();
    asked[1]?.answer.resolve(stale);
    await clock.advance(250);

    expect(reader.offer().kind).toBe('asking');
  });

  test('waits the full time again after the log has failed for longer than that', async () => {
    const { clock, asked, reader } = await makeReader();
    reader.offer();
    asked[0]?.answer.resolve(stale);
    await clock.advance(250);
    reader.offer();
    asked[1]?.answer.reject(new Error('down'));
    await clock.advance(20_000);

    reader.offer();
    asked[2]?.answer.resolve(stale);
    await clock.advance(250);

    expect(reader.offer().kind).toBe('asking');
  });

  test('asks again a second after the log has failed', async () => {
    const { clock, asked, reader, wakes } = await makeReader();
    reader.offer();
    asked[0]?.answer.reject(new Error('down'));

    await clock.advance(999);
    expect([reader.offer().kind, asked.length]).toEqual(['asking', 1]);
    await clock.advance(1);

    expect(wakes()).toBe(1);
    reader.offer();
    expect(asked).toHaveLength(2);
  });

  test('is not woken once it is closed', async () => {
    const { clock, asked, reader, wakes } = await makeReader();
    reader.offer();
    reader.close();

    asked[0]?.answer.resolve(stale);
    await clock.advance(0);

    expect(wakes()).toBe(0);
  });
});

test('a reader that the log says is at the end asks again only when the tail has changed', async () => {
  const { clock, asked, reader } = await makeReader();
  reader.offer();
  asked[0]?.answer.resolve(page(5, 6, 5));
  await clock.advance(0);

  expect([reader.offer().kind, reader.offer().kind]).toEqual(['nothing', 'nothing']);
  expect(asked).toHaveLength(1);
});
