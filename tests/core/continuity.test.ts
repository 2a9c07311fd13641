import { describe, expect, test } from 'vitest';
import { judge, type LogState } from '../../lib/core/continuity.ts';
import { parsePosition } from '../../lib/core/cursor.ts';
import { formatEventId, parseEventId } from '../../lib/core/ids.ts';

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
  readonly heard?: string;
  readonly verdict: string;
};

/** A verdict in words: kind, reason, missed, where the reader goes on, the first event after. */
function say(c: Case): string {
  const verdict = judge({
    position: at(c.position),
    state: c.state,
    next: c.next === null ? null : id(c.next),
    heard: c.heard === undefined ? null : id(c.heard),
  });
  if (verdict.kind === 'continue') return 'continue';
  const loss = verdict.kind === 'again' ? verdict.otherwise : verdict;
  const resume = `${formatEventId(loss.resume.id)}~${loss.resume.epoch ?? '-'}`;
  const words = `${loss.reason} ${loss.missed ?? '?'} go on ${resume} at ${loss.resumesAt ? formatEventId(loss.resumesAt) : '-'}`;
  return verdict.kind === 'again' ? `again until ${formatEventId(verdict.until)}, else ${words}` : words;
}

const whole = kept('aaaaaa', '100-1', '150-6');
const trimmed = kept('aaaaaa', '130-4', '150-6');

const cases: Case[] = [
  // nothing is missing
  {
    name: 'the next seq is kept',
    position: '110-2~aaaaaa',
    state: whole,
    next: '120-3',
    verdict: 'continue',
  },
  {
    name: 'the cursor is the last id',
    position: '150-6~aaaaaa',
    state: whole,
    next: null,
    verdict: 'continue',
  },
  { name: 'the first event follows 0-0', position: '0-0', state: whole, next: '100-1', verdict: 'continue' },
  { name: '0-0 of the same epoch', position: '0-0~aaaaaa', state: whole, next: '100-1', verdict: 'continue' },
  {
    name: 'a cursor without epoch is believed',
    position: '110-2',
    state: whole,
    next: '120-3',
    verdict: 'continue',
  },
  {
    name: 'the position just ahead of the oldest kept',
    position: '130-3~aaaaaa',
    state: trimmed,
    next: '130-4',
    verdict: 'continue',
  },
  { name: 'nothing was ever stored', position: '0-0', state: null, next: null, verdict: 'continue' },
  // trimmed
  {
    name: 'two events were trimmed',
    position: '100-1~aaaaaa',
    state: trimmed,
    next: '130-4',
    verdict: 'trimmed 2 go on 130-3~aaaaaa at 130-4',
  },
  {
    name: 'one event was trimmed',
    position: '110-2~aaaaaa',
    state: trimmed,
    next: '130-4',
    verdict: 'trimmed 1 go on 130-3~aaaaaa at 130-4',
  },
  {
    name: 'from 0-0, what was trimmed is told',
    position: '0-0',
    state: trimmed,
    next: '130-4',
    verdict: 'trimmed 3 go on 130-3~aaaaaa at 130-4',
  },
  {
    name: 'all but the last were trimmed',
    position: '100-1~aaaaaa',
    state: kept('aaaaaa', '150-6', '150-6'),
    next: '150-6',
    verdict: 'trimmed 4 go on 150-5~aaaaaa at 150-6',
  },
  {
    name: 'an event was taken out of the middle',
    position: '110-2~aaaaaa',
    state: whole,
    next: '130-4',
    verdict: 'trimmed 1 go on 130-3~aaaaaa at 130-4',
  },
  // emptied
  {
    name: 'the log is empty where there was one',
    position: '110-2~aaaaaa',
    state: null,
    next: null,
    verdict: 'restarted ? go on 0-0~- at -',
  },
  {
    name: 'the log is empty, the cursor knew only its epoch',
    position: '0-0~aaaaaa',
    state: null,
    next: null,
    verdict: 'restarted ? go on 0-0~- at -',
  },
  // replaced
  {
    name: 'another epoch',
    position: '110-2~aaaaaa',
    state: kept('bbbbbb', '200-1', '230-4'),
    next: '200-1',
    verdict: 'restarted ? go on 0-0~bbbbbb at 200-1',
  },
  {
    name: 'another epoch whose seq continues the cursor',
    position: '110-2~aaaaaa',
    state: kept('bbbbbb', '110-1', '120-3'),
    next: '120-3',
    verdict: 'restarted ? go on 0-0~bbbbbb at 110-1',
  },
  {
    name: 'another epoch that ends with the cursor id',
    position: '110-2~aaaaaa',
    state: kept('bbbbbb', '105-1', '110-2'),
    next: null,
    verdict: 'restarted ? go on 0-0~bbbbbb at 105-1',
  },
  {
    name: 'another epoch that was trimmed',
    position: '110-2~aaaaaa',
    state: kept('bbbbbb', '200-7', '230-9'),
    next: '200-7',
    verdict: 'restarted ? go on 200-6~bbbbbb at 200-7',
  },
  {
    name: '0-0 of another epoch',
    position: '0-0~aaaaaa',
    state: kept('bbbbbb', '200-1', '230-4'),
    next: '200-1',
    verdict: 'restarted ? go on 0-0~bbbbbb at 200-1',
  },
  // forked by a fail-over: the end was lost, seqs were issued again
  {
    name: 'the next id is later and its seq the same',
    position: '150-6~aaaaaa',
    state: kept('aaaaaa', '100-1', '180-7'),
    next: '170-6',
    verdict: 'restarted ? go on 170-5~aaaaaa at 170-6',
  },
  {
    name: 'the next id is later and its seq lower',
    position: '150-6~aaaaaa',
    state: kept('aaaaaa', '100-1', '170-5'),
    next: '170-5',
    verdict: 'restarted ? go on 170-4~aaaaaa at 170-5',
  },
  // read from a replica that lags, or the end was lost
  {
    name: 'the cursor is beyond the last id',
    position: '150-6~aaaaaa',
    state: kept('aaaaaa', '100-1', '130-4'),
    next: null,
    verdict: 'again until 150-6, else restarted ? go on 130-4~aaaaaa at -',
  },
  // only an answer that reaches what was heard may declare a loss
  {
    name: 'a stale answer cannot say trimmed',
    position: '100-1~aaaaaa',
    state: trimmed,
    next: '130-4',
    heard: '160-7',
    verdict: 'again until 160-7, else trimmed 2 go on 130-3~aaaaaa at 130-4',
  },
  {
    name: 'a stale answer cannot say emptied',
    position: '110-2~aaaaaa',
    state: null,
    next: null,
    heard: '160-7',
    verdict: 'again until 160-7, else restarted ? go on 0-0~- at -',
  },
  {
    name: 'a stale answer cannot say replaced',
    position: '160-7~aaaaaa',
    state: kept('bbbbbb', '20-1', '30-2'),
    next: null,
    heard: '160-7',
    verdict: 'again until 160-7, else restarted ? go on 0-0~bbbbbb at 20-1',
  },
  {
    name: 'an answer that reaches what was heard may',
    position: '100-1~aaaaaa',
    state: trimmed,
    next: '130-4',
    heard: '150-6',
    verdict: 'trimmed 2 go on 130-3~aaaaaa at 130-4',
  },
];

describe('continuity', () => {
  test.each(cases)('$name: $verdict', (c) => {
    expect(say(c)).toBe(c.verdict);
  });
});
