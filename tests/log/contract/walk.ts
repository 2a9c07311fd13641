import { describe, expect, test } from 'vitest';
import { compareEventIds } from '../../../lib/core/ids.ts';
import type { EventLog, LogEvent, NewEvent } from '../../../lib/log/event-log.ts';
import {
  about,
  lastEvent,
  newEvent,
  range,
  readLatest,
  stateOf,
  store,
} from '../../support/log/log-steps.ts';
import { type Seeded, seeded, seeds } from '../../support/seeded.ts';
import type { LogHarness } from '../contract.ts';

/** Everything that was stored in the present epoch of the channel, in order; also what retention has removed. */
type History = { events: LogEvent[] };

const subjects = ['a', 'b', 'c', 'd', 'e', 'f'];

export function describeWalk(harness: () => LogHarness): void {
  describe('a random walk', () => {
    test.each(seeds(6))('always finds the state to be the fold of the log (seed %i)', async (seed) => {
      const random = seeded(seed);
      // What a log that lost its end has left can only be told while nothing was trimmed.
      const isTrimmed = seed % 2 === 0;
      const options = { retention: isTrimmed ? 20 : 10_000, rules: { feed: { maxSubjects: 5 } } };
      const logs = [harness().open(options), harness().open(options)];
      const history: History = { events: [] };

      for (const _ of range(1, 60)) {
        await takeStep(harness(), random, random.pick(logs), history, isTrimmed);
        await compare(harness(), random.pick(logs), history, random.whole(1, 7));
      }
    });
  });
}

async function takeStep(
  harness: LogHarness,
  random: Seeded,
  log: EventLog,
  history: History,
  isTrimmed: boolean,
) {
  const chance = random.below(100);
  if (chance < 3) {
    await (random.chance(0.5) ? harness.empty('feed') : harness.wipe());
    history.events = [];
  } else if (chance < 6) {
    await log.forget('feed');
    history.events = [];
  } else if (chance < 14 && !isTrimmed && history.events.length > 3) {
    const count = random.whole(1, 3);
    await harness.loseEnd('feed', count);
    history.events.splice(-count);
    await harness.passTime(5);
  } else if (chance < 25) {
    await harness.passTime(random.whole(1, 40));
  } else if (chance < 27) {
    await append(log, [lastEvent()], history);
    await append(log, [about(random.pick(subjects), 'after the end')], history);
    await log.forget('feed');
    history.events = [];
  } else {
    await append(
      log,
      range(1, random.whole(1, 12)).map(() => randomEvent(random)),
      history,
    );
  }
}

function randomEvent(random: Seeded): NewEvent {
  if (random.chance(0.2)) return newEvent('feed', random.below(1_000));
  const subject = random.pick(subjects);
  if (random.chance(0.25)) return about(subject, null, { remove: true });
  if (random.chance(0.3)) return about(subject, 'short', { ttlMs: random.pick([1, 20, 60, 3_600_000]) });
  return about(subject, random.below(1_000));
}

/** Stores the events, and writes them into the history if the log took them. */
async function append(log: EventLog, events: readonly NewEvent[], history: History): Promise<void> {
  try {
    const { ids } = await store(log, ...events);
    for (const [index, { channel: _, ...event }] of events.entries()) {
      const id = ids[index];
      if (id === undefined) throw new Error('an id is missing');
      history.events.push({ id, ...event });
    }
  } catch (error) {
    expect(error).toMatchObject({ code: expect.stringMatching(/^(too-many-subjects|channel-ended)$/) });
  }
}

/** Compares the log's state with the fold of the history. While a subject expires, both are right. */
async function compare(
  harness: LogHarness,
  log: EventLog,
  { events }: History,
  limit: number,
): Promise<void> {
  const from = harness.now();
  const found = await readLatest(log, 'feed', limit);
  const until = harness.now();

  const latest = new Map<string, LogEvent>();
  for (const event of events) {
    const { subject, remove } = event.attributes ?? {};
    if (subject === undefined) continue;
    if (remove) latest.delete(subject);
    else latest.set(subject, event);
  }
  const overAt = ({ id, attributes }: LogEvent) => id.time + (attributes?.ttlMs ?? Infinity);
  const undecided = (event: LogEvent) => overAt(event) > from && overAt(event) <= until;
  const expected = [...latest.values()]
    .filter((event) => overAt(event) > until)
    .sort((one, other) => compareEventIds(one.id, other.id));

  expect(found.filter((event) => !undecided(event))).toEqual(expected);
  if (events.length > 0) expect((await stateOf(log, 'feed')).last).toEqual(events.at(-1)?.id);
}
