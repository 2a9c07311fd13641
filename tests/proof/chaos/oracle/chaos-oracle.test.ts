import { describe, expect, test } from 'vitest';
import type { Fact, Life } from './history.ts';
import { judgeHistory } from './judge-history.ts';
import { judgeLog } from './judge-log.ts';
import { createTruth } from './truth.ts';
import { fact, idOf, lives, told } from './written-history.ts';

type Case = {
  readonly name: string;
  /** What was stored, in its lives. */
  readonly log: string;
  readonly told: string;
  /** Kinds of violations, in their order; none when the reader is well. */
  readonly finds: readonly string[];
  readonly trimmedUpTo?: number;
  readonly from?: string;
  readonly types?: readonly string[];
};

const cases: readonly Case[] = [
  // well
  { name: 'everything, in order', log: 'a1 a2 a3', told: 'a1 a2 a3', finds: [] },
  { name: 'nothing was stored', log: '-', told: '', finds: [] },
  { name: 'from a cursor on', log: 'a1 a2 a3', told: 'a3', from: 'a2', finds: [] },
  { name: 'now, which it was not told', log: 'a1 a2 a3', told: 'a2 a3', from: 'now', finds: [] },
  { name: 'from the oldest kept', log: 'a1 a2 a3', told: 'a3', trimmedUpTo: 2, finds: [] },
  { name: 'trimmed, counted', log: 'a1 a2 a3 a4', told: 'a1 trimmed:2 a4', trimmedUpTo: 3, finds: [] },
  { name: 'emptied, told', log: 'a1 a2/b1 b2', told: 'a1 a2 restarted b1 b2', finds: [] },
  { name: 'emptied twice, told', log: 'a1/b1/c1', told: 'a1 restarted restarted c1', finds: [] },
  {
    name: 'emptied, told, then trimmed',
    log: 'a1/b1 b2',
    told: 'a1 restarted b2',
    trimmedUpTo: 1,
    finds: [],
  },
  { name: 'the end was lost, told', log: 'a1 a2 a3/a1 b2 b3', told: 'a1 a2 a3 restarted b2 b3', finds: [] },
  { name: 'the end was lost that it never had', log: 'a1 a2/a1 b2', told: 'a1 b2', finds: [] },
  { name: 'only what it asked for', log: 'a1 a2n a3', told: 'a1 a3', types: ['message'], finds: [] },
  {
    name: 'a filter’s upper bound',
    log: 'a1 a2n a3 a4',
    told: 'a1 trimmed:<=2 a4',
    types: ['message'],
    trimmedUpTo: 3,
    finds: [],
  },
  {
    name: 'what it had not asked for was lost, told',
    log: 'a1 a2n/a1 b2',
    told: 'a1 restarted b2',
    types: ['message'],
    finds: [],
  },
  {
    name: 'the end was lost, and what came since was trimmed: its count is what can be told',
    log: 'a1 a2 a3/a1 b2 b3 b4 b5',
    told: 'a1 a2 a3 trimmed:1 b5',
    trimmedUpTo: 4,
    finds: [],
  },
  // lost
  { name: 'one left out', log: 'a1 a2 a3', told: 'a1 a3', finds: ['loss without a gap'] },
  { name: 'the first left out', log: 'a1 a2 a3', told: 'a2 a3', finds: ['loss without a gap'] },
  {
    name: 'the first after a cursor',
    log: 'a1 a2 a3',
    told: 'a3',
    from: 'a1',
    finds: ['loss without a gap'],
  },
  { name: 'trimmed, unsaid', log: 'a1 a2 a3', told: 'a1 a3', trimmedUpTo: 2, finds: ['loss without a gap'] },
  {
    name: 'one of those asked for',
    log: 'a1 a2 a3',
    told: 'a1 a3',
    types: ['message'],
    finds: ['loss without a gap'],
  },
  { name: 'the end', log: 'a1 a2 a3', told: 'a1 a2', finds: ['end not reached'] },
  { name: 'all', log: 'a1 a2 a3', told: '', finds: ['end not reached'] },
  {
    name: 'a gap over what is kept',
    log: 'a1 a2 a3',
    told: 'a1 trimmed:1 a3',
    finds: ['loss without a gap'],
  },
  { name: 'emptied, unsaid', log: 'a1 a2/b1 b2', told: 'a1 a2 b1 b2', finds: ['loss without a gap'] },
  { name: 'emptied, seqs go on, unsaid', log: 'a1/b1 b2', told: 'a1 b2', finds: ['loss without a gap'] },
  { name: 'emptied, never heard', log: 'a1 a2/b1', told: 'a1 a2', finds: ['end not reached'] },
  {
    name: 'the end was lost, unsaid',
    log: 'a1 a2/a1 b2 b3',
    told: 'a1 a2 b3',
    finds: ['loss without a gap'],
  },
  {
    name: 'left out after a restart',
    log: 'a1/b1 b2',
    told: 'a1 restarted b2',
    finds: ['loss without a gap'],
  },
  {
    name: 'left out after the end was lost',
    log: 'a1 a2/a1 b2 b3',
    told: 'a1 a2 restarted b3',
    finds: ['loss without a gap'],
  },
  {
    name: 'the end was lost, what came since was trimmed in part',
    log: 'a1 a2 a3/a1 b2 b3 b4 b5',
    told: 'a1 a2 a3 trimmed:1 b5',
    trimmedUpTo: 3,
    finds: ['loss without a gap'],
  },
  {
    name: 'the end was lost, what came since was trimmed, unsaid',
    log: 'a1 a2/a1 b2 b3',
    told: 'a1 a2 b3',
    trimmedUpTo: 2,
    finds: ['loss without a gap'],
  },
  // told wrongly
  { name: 'received twice', log: 'a1 a2', told: 'a1 a2 a2', finds: ['received twice'] },
  {
    name: 'doubled after a restart',
    log: 'a1 a2/a1 b2',
    told: 'a1 a2 restarted a1 b2',
    finds: ['received twice'],
  },
  { name: 'swapped', log: 'a1 a2 a3', told: 'a2 a1 a3', finds: ['loss without a gap', 'out of order'] },
  { name: 'miscounted', log: 'a1 a2 a3', told: 'a1 trimmed:2 a3', trimmedUpTo: 2, finds: ['wrong number'] },
  { name: 'a gap of nothing', log: 'a1 a2', told: 'a1 trimmed:0 a2', finds: ['false gap'] },
  { name: 'a gap where none is', log: 'a1 a2', told: 'a1 trimmed:1 a2', finds: ['wrong number'] },
  { name: 'restarted, and it was not', log: 'a1 a2', told: 'a1 restarted a2', finds: ['false gap'] },
  {
    name: 'an inexact count without a filter',
    log: 'a1 a2 a3',
    told: 'a1 trimmed:<=1 a3',
    trimmedUpTo: 2,
    finds: ['wrong number'],
  },
  {
    name: 'restarted, and nothing it had not asked for was lost',
    log: 'a1 a2n a3/a1 a2n b3',
    told: 'a1 restarted b3',
    types: ['message'],
    finds: ['false gap'],
  },
  { name: 'never stored', log: 'a1 a2', told: 'a1 b2 a2', finds: ['unknown event'] },
];

describe('a reader that was told', () => {
  test.each(cases)('$told of the log $log: $name', (c) => {
    const truth = new Map([['feed', lives(c.log, c.trimmedUpTo ?? 0)]]);
    const begin = c.from === undefined ? [] : [['feed', c.from === 'now' ? 'now' : idOf(c.from)] as const];
    const types = c.types === undefined ? null : new Set(c.types);
    const entries = told(c.told);
    const history = { reader: 'r', channels: ['feed'], types, begin: new Map(begin), entries };
    expect(judgeHistory(truth, history).map(({ kind }) => kind)).toEqual(c.finds);
  });

  test('a gap over what was trimmed only later is found', () => {
    const entries = told('a1 trimmed:1 a3');
    const history = { reader: 'r', channels: ['feed'], types: null, begin: new Map(), entries };
    const findsIn = (trimmedAt: number) =>
      judgeHistory(new Map([['feed', lives('a1 a2 a3', 2, trimmedAt)]]), history).map(({ kind }) => kind);
    expect([findsIn(0), findsIn(60_000)]).toEqual([[], ['loss without a gap']]);
  });

  test('other data than were stored is found', () => {
    const entries = told('a1 a2').map((entry) =>
      entry.kind === 'event' ? { ...entry, fact: { ...entry.fact, text: '"x"' } } : entry,
    );
    const history = { reader: 'r', channels: ['feed'], types: null, begin: new Map(), entries };
    const found = judgeHistory(new Map([['feed', lives('a1 a2', 0)]]), history);
    expect(found.map(({ kind }) => kind)).toEqual(['unknown event', 'unknown event', 'end not reached']);
  });
});

/** Events of one request, as its publisher marked them. */
function marked(id: string, request: number, index: number, of: number): Fact {
  const text = JSON.stringify({ publisher: 'p', request, index, of, at: 0 });
  return { channel: 'feed', id, seq: Number(id.split('-')[1]), type: 'message', text };
}

function found(events: readonly Fact[], acknowledged: readonly Fact[] = []): string {
  const life: Life = { epoch: 'aaaaaa', events: [], trims: [] };
  for (const event of events) life.events[event.seq - 1] = event;
  return judgeLog(new Map([['feed', [life]]]), acknowledged)
    .map(({ what }) => what)
    .join('; ');
}

describe('a log', () => {
  const whole = [marked('1-1', 1, 0, 2), marked('1-2', 1, 1, 2), marked('2-3', 2, 0, 1)];

  test('that stored each request once and whole is well', () => {
    expect(found(whole, whole)).toBe('');
  });

  test.each([
    {
      name: 'an acknowledged event is missing',
      log: [],
      acked: whole.slice(2),
      says: /2-3 was acknowledged/,
    },
    {
      name: 'a request is stored twice',
      log: [...whole, marked('3-4', 2, 0, 1)],
      says: /3-4 stores p 2 0 a second/,
    },
    { name: 'a seq is skipped', log: [...whole, marked('3-5', 3, 0, 1)], says: /seq 4 was skipped/ },
    {
      name: 'a request is torn',
      log: [marked('1-1', 1, 0, 2), marked('2-2', 2, 0, 1)],
      says: /stored in part/,
    },
    {
      name: 'a request lacks its begin',
      log: [marked('1-1', 1, 1, 2)],
      says: /1-1 does not follow the previous event of its request/,
    },
    { name: 'time goes back', log: [...whole, marked('1-4', 3, 0, 1)], says: /time of 1-4 goes back/ },
  ])('is blamed where $name', ({ log, acked, says }) => {
    expect(found(log, acked)).toMatch(says);
  });
});

describe('what was truly stored', () => {
  const events = (words: string) => words.split(' ').map(fact);

  test('begins again where all was lost, and goes on where the end was', () => {
    const truth = createTruth(['feed']);
    truth.store('aaaaaa', events('a1 a2 a3'));
    truth.lose(new Map([['feed', 1]]));
    truth.store('aaaaaa', events('b2'));
    truth.lose(new Map());
    truth.store('bbbbbb', events('c1'));
    const ids = truth.lives.get('feed')?.map((life) => life.events.map((event) => event?.id));
    expect(ids).toEqual([['100-1', '100-2', '100-3'], ['100-1', '200-2'], ['300-1']]);
    expect(truth.faults).toEqual([]);
  });

  test.each([
    { name: 'a seq is issued twice', next: 'b2', epoch: 'aaaaaa', says: /seq 2 was issued/ },
    { name: 'the epoch changes by itself', next: 'b3', epoch: 'bbbbbb', says: /is of epoch bbbbbb/ },
  ])('tells where $name', ({ next, epoch, says }) => {
    const truth = createTruth(['feed']);
    truth.store('aaaaaa', events('a1 a2'));
    truth.store(epoch, events(next));
    expect(truth.faults.join()).toMatch(says);
  });

  test('tells where the log lost what nobody took', () => {
    const truth = createTruth(['feed']);
    truth.store('aaaaaa', events('a1 a2 a3'));
    truth.compare('feed', { epoch: 'aaaaaa', events: events('a2') }, 3);
    expect(truth.lives.get('feed')?.[0]?.trims).toMatchObject([{ upTo: 1 }]);
    expect(truth.faults).toEqual(['feed: the log lost 1, from 100-3']);
  });
});
