import { describe, expect, test } from 'vitest';
import { checkContinuity, type LogState, type Loss, toGap } from '../../lib/core/continuity.ts';
import { parsePosition } from '../../lib/core/cursor.ts';
import { beforeFirst, formatEventId, parseEventId } from '../../lib/core/ids.ts';

const id = (text: string) => parseEventId(text, 'id');
const at = (text: string) => parsePosition(text, 'position');
const kept = (epoch: string, first: string, last: string): LogState => ({
  epoch,
  first: id(first),
  last: id(last),
});

type Case = {
  readonly name: string;
  readonly position: string;
  readonly state: LogState;
  readonly next: string | null;
  readonly newestKnown?: string;
  readonly result: string;
};

/** The result in words: kind, reason, events missed, where the reader resumes, the first event after the gap. */
function describeResult(c: Case): string {
  const result = checkContinuity({
    position: at(c.position),
    state: c.state,
    next: c.next === null ? null : id(c.next),
    newestKnown: c.newestKnown === undefined ? null : id(c.newestKnown),
  });
  if (result.kind === 'continue') return 'continue';
  const loss = result.kind === 'stale' ? result.otherwise : result;
  const resume = `${formatEventId(loss.resume.id)}~${loss.resume.epoch ?? '-'}`;
  const next = loss.resumesAt ? formatEventId(loss.resumesAt) : '-';
  const words = `${loss.reason}, missed ${loss.missed ?? '?'}, resume ${resume}, next ${next}`;
  return result.kind === 'stale' ? `stale until ${formatEventId(result.until)}, else ${words}` : words;
}

const whole = kept('aaaaaa', '100-1', '150-6');
const trimmed = kept('aaaaaa', '130-4', '150-6');

const cases: Case[] = [
  // No event is missing.
  {
    name: 'the log has the next seq',
    position: '110-2~aaaaaa',
    state: whole,
    next: '120-3',
    result: 'continue',
  },
  {
    name: 'the position is the last id',
    position: '150-6~aaaaaa',
    state: whole,
    next: null,
    result: 'continue',
  },
  { name: 'the first event follows 0-0', position: '0-0', state: whole, next: '100-1', result: 'continue' },
  { name: '0-0 of the same epoch', position: '0-0~aaaaaa', state: whole, next: '100-1', result: 'continue' },
  {
    name: 'a position without an epoch belongs to any epoch',
    position: '110-2',
    state: whole,
    next: '120-3',
    result: 'continue',
  },
  {
    name: 'the position is directly before the oldest event kept',
    position: '130-3~aaaaaa',
    state: trimmed,
    next: '130-4',
    result: 'continue',
  },
  {
    name: 'a fail-over lost the event of the position, and the oldest event kept has the seq right after it: the log shows no trace',
    position: '125-3~aaaaaa',
    state: trimmed,
    next: '130-4',
    result: 'continue',
  },
  { name: 'nothing was ever stored', position: '0-0', state: null, next: null, result: 'continue' },
  // Retention removed events.
  {
    name: 'two events were trimmed',
    position: '100-1~aaaaaa',
    state: trimmed,
    next: '130-4',
    result: 'trimmed, missed 2, resume 130-3~aaaaaa, next 130-4',
  },
  {
    name: 'one event was trimmed',
    position: '110-2~aaaaaa',
    state: trimmed,
    next: '130-4',
    result: 'trimmed, missed 1, resume 130-3~aaaaaa, next 130-4',
  },
  {
    name: 'a reader at 0-0 learns how many events were trimmed',
    position: '0-0',
    state: trimmed,
    next: '130-4',
    result: 'trimmed, missed 3, resume 130-3~aaaaaa, next 130-4',
  },
  {
    name: 'all but the last were trimmed',
    position: '100-1~aaaaaa',
    state: kept('aaaaaa', '150-6', '150-6'),
    next: '150-6',
    result: 'trimmed, missed 4, resume 150-5~aaaaaa, next 150-6',
  },
  {
    name: 'an event in the middle was deleted',
    position: '110-2~aaaaaa',
    state: whole,
    next: '130-4',
    result: 'trimmed, missed 1, resume 130-3~aaaaaa, next 130-4',
  },
  // The log is empty.
  {
    name: 'the log lost all events',
    position: '110-2~aaaaaa',
    state: null,
    next: null,
    result: 'restarted, missed ?, resume 0-0~-, next -',
  },
  {
    name: 'the log lost all events, and the reader had only an epoch',
    position: '0-0~aaaaaa',
    state: null,
    next: null,
    result: 'restarted, missed ?, resume 0-0~-, next -',
  },
  // Another log took its place.
  {
    name: 'another epoch',
    position: '110-2~aaaaaa',
    state: kept('bbbbbb', '200-1', '230-4'),
    next: '200-1',
    result: 'restarted, missed ?, resume 0-0~bbbbbb, next 200-1',
  },
  {
    name: 'another epoch, although its seq follows',
    position: '110-2~aaaaaa',
    state: kept('bbbbbb', '110-1', '120-3'),
    next: '120-3',
    result: 'restarted, missed ?, resume 0-0~bbbbbb, next 110-1',
  },
  {
    name: 'another epoch, although its last id is the position',
    position: '110-2~aaaaaa',
    state: kept('bbbbbb', '105-1', '110-2'),
    next: null,
    result: 'restarted, missed ?, resume 0-0~bbbbbb, next 105-1',
  },
  {
    name: 'another epoch, which was trimmed',
    position: '110-2~aaaaaa',
    state: kept('bbbbbb', '200-7', '230-9'),
    next: '200-7',
    result: 'restarted, missed ?, resume 200-6~bbbbbb, next 200-7',
  },
  {
    name: '0-0 of another epoch',
    position: '0-0~aaaaaa',
    state: kept('bbbbbb', '200-1', '230-4'),
    next: '200-1',
    result: 'restarted, missed ?, resume 0-0~bbbbbb, next 200-1',
  },
  // A fail-over lost the end of the log, and the log issued its seqs again.
  {
    name: 'the next id is later and its seq the same',
    position: '150-6~aaaaaa',
    state: kept('aaaaaa', '100-1', '180-7'),
    next: '170-6',
    result: 'restarted, missed ?, resume 170-5~aaaaaa, next 170-6',
  },
  {
    name: 'the next id is later and its seq lower',
    position: '150-6~aaaaaa',
    state: kept('aaaaaa', '100-1', '170-5'),
    next: '170-5',
    result: 'restarted, missed ?, resume 170-4~aaaaaa, next 170-5',
  },
  // The answer is from a replica that lags, or the end of the log was lost.
  {
    name: 'the position is beyond the last id',
    position: '150-6~aaaaaa',
    state: kept('aaaaaa', '100-1', '130-4'),
    next: null,
    result: 'stale until 150-6, else restarted, missed ?, resume 130-4~aaaaaa, next -',
  },
  // Only an answer that includes the newest known event may declare a loss.
  {
    name: 'a stale answer cannot prove that events were trimmed',
    position: '100-1~aaaaaa',
    state: trimmed,
    next: '130-4',
    newestKnown: '160-7',
    result: 'stale until 160-7, else trimmed, missed 2, resume 130-3~aaaaaa, next 130-4',
  },
  {
    name: 'a stale answer cannot prove that the log is empty',
    position: '110-2~aaaaaa',
    state: null,
    next: null,
    newestKnown: '160-7',
    result: 'stale until 160-7, else restarted, missed ?, resume 0-0~-, next -',
  },
  {
    name: 'a stale answer cannot prove that the log was replaced',
    position: '160-7~aaaaaa',
    state: kept('bbbbbb', '20-1', '30-2'),
    next: null,
    newestKnown: '160-7',
    result: 'stale until 160-7, else restarted, missed ?, resume 0-0~bbbbbb, next 20-1',
  },
  {
    name: 'an answer that includes the newest known event can prove it',
    position: '100-1~aaaaaa',
    state: trimmed,
    next: '130-4',
    newestKnown: '150-6',
    result: 'trimmed, missed 2, resume 130-3~aaaaaa, next 130-4',
  },
];

describe('continuity', () => {
  test.each(cases)('$name: $result', (c) => {
    expect(describeResult(c)).toBe(c.result);
  });
});

/** The loss of a reader at 100-2, when the log is in this state. */
function lossOf(state: LogState): Loss {
  const result = checkContinuity({ position: at('100-2~aaaaaa'), state, next: state?.first ?? null });
  if (result.kind !== 'gap') throw new Error(`expected a gap, got ${result.kind}`);
  return result;
}

describe('a gap', () => {
  // Computed in each test: an error here would fail the file, and no test by name.
  const trimmedLoss = () => lossOf(kept('aaaaaa', '100-6', '100-9'));

  test('after retention names the exact number and both ends', () => {
    expect(toGap('feed', id('100-2'), trimmedLoss(), false)).toEqual({
      channel: 'feed',
      reason: 'trimmed',
      missed: 3,
      exact: true,
      after: '100-2',
      resumesAt: '100-6',
    });
  });

  test('of a reader with a type filter is an upper bound, and says so', () => {
    expect(toGap('feed', id('100-2'), trimmedLoss(), true)).toMatchObject({ missed: 3, exact: false });
  });

  test('after a restart has no number', () => {
    expect(toGap('feed', id('100-2'), lossOf(kept('bbbbbb', '200-1', '200-4')), false)).toEqual({
      channel: 'feed',
      reason: 'restarted',
      missed: null,
      exact: false,
      after: '100-2',
      resumesAt: '200-1',
    });
  });

  test('has no end while the log is empty', () => {
    expect(toGap('feed', id('100-2'), lossOf(null), false)).toMatchObject({
      reason: 'restarted',
      resumesAt: null,
    });
  });

  test('can start before the first event', () => {
    expect(toGap('feed', beforeFirst, trimmedLoss(), false).after).toBe('0-0');
  });
});
