import { describe, expect, test } from 'vitest';
import type { Fact, Life } from './history.ts';
import { judgeHistory } from './judge-history.ts';
import { judgeLog } from './judge-log.ts';
import { judgeStates } from './judge-state.ts';
import { createTruth } from './truth.ts';
import { fact, idOf, lives, received } from './written-history.ts';

type Case = {
  readonly name: string;
  /** What the log stored, life by life. */
  readonly log: string;
  readonly received: string;
  /** The kinds of violations in order; empty if the reader is right. */
  readonly finds: readonly string[];
  readonly trimmedUpTo?: number;
  readonly from?: string;
  readonly types?: readonly string[];
};

const cases: readonly Case[] = [
  // well
  { name: 'everything, in order', log: 'a1 a2 a3', received: 'a1 a2 a3', finds: [] },
  { name: 'nothing was stored', log: '-', received: '', finds: [] },
  { name: 'everything after a cursor', log: 'a1 a2 a3', received: 'a3', from: 'a2', finds: [] },
  { name: 'from now, at an unknown position', log: 'a1 a2 a3', received: 'a2 a3', from: 'now', finds: [] },
  { name: 'from the oldest event', log: 'a1 a2 a3', received: 'a3', trimmedUpTo: 2, finds: [] },
  {
    name: 'deleted, and a gap with the number',
    log: 'a1 a2 a3 a4',
    received: 'a1 trimmed:2 a4',
    trimmedUpTo: 3,
    finds: [],
  },
  { name: 'log emptied, and a gap', log: 'a1 a2/b1 b2', received: 'a1 a2 restarted b1 b2', finds: [] },
  {
    name: 'log emptied twice, and two gaps',
    log: 'a1/b1/c1',
    received: 'a1 restarted restarted c1',
    finds: [],
  },
  {
    name: 'log emptied, a gap, then events deleted',
    log: 'a1/b1 b2',
    received: 'a1 restarted b2',
    trimmedUpTo: 1,
    finds: [],
  },
  {
    name: 'the log lost its end, and a gap',
    log: 'a1 a2 a3/a1 b2 b3',
    received: 'a1 a2 a3 restarted b2 b3',
    finds: [],
  },
  { name: 'the log lost an end that the reader never had', log: 'a1 a2/a1 b2', received: 'a1 b2', finds: [] },
  {
    name: 'only the types of its filter',
    log: 'a1 a2n a3',
    received: 'a1 a3',
    types: ['message'],
    finds: [],
  },
  {
    name: 'a gap with the upper bound of a filter',
    log: 'a1 a2n a3 a4',
    received: 'a1 trimmed:<=2 a4',
    types: ['message'],
    trimmedUpTo: 3,
    finds: [],
  },
  {
    name: 'the log lost an event that the filter hides, and a gap',
    log: 'a1 a2n/a1 b2',
    received: 'a1 restarted b2',
    types: ['message'],
    finds: [],
  },
  {
    name: 'the log lost its end and later deleted the new events too: the number in the gap is the best possible',
    log: 'a1 a2 a3/a1 b2 b3 b4 b5',
    received: 'a1 a2 a3 trimmed:1 b5',
    trimmedUpTo: 4,
    finds: [],
  },
  {
    name: 'the same with a filter, and the filter hides the oldest event that the log kept',
    log: 'a1 a2 a3/a1 b2 b3 b4 b5n b6',
    received: 'a1 a2 a3 trimmed:<=1 b6',
    types: ['message'],
    trimmedUpTo: 4,
    finds: [],
  },
  // lost
  { name: 'one event is missing', log: 'a1 a2 a3', received: 'a1 a3', finds: ['loss without a gap'] },
  { name: 'the first event is missing', log: 'a1 a2 a3', received: 'a2 a3', finds: ['loss without a gap'] },
  {
    name: 'the first event after a cursor is missing',
    log: 'a1 a2 a3',
    received: 'a3',
    from: 'a1',
    finds: ['loss without a gap'],
  },
  {
    name: 'deleted, without a gap',
    log: 'a1 a2 a3',
    received: 'a1 a3',
    trimmedUpTo: 2,
    finds: ['loss without a gap'],
  },
  {
    name: 'one event of its filter is missing',
    log: 'a1 a2 a3',
    received: 'a1 a3',
    types: ['message'],
    finds: ['loss without a gap'],
  },
  { name: 'the last event is missing', log: 'a1 a2 a3', received: 'a1 a2', finds: ['end not reached'] },
  { name: 'everything is missing', log: 'a1 a2 a3', received: '', finds: ['end not reached'] },
  {
    name: 'a gap for an event that the log still has',
    log: 'a1 a2 a3',
    received: 'a1 trimmed:1 a3',
    finds: ['loss without a gap'],
  },
  {
    name: 'log emptied, without a gap',
    log: 'a1 a2/b1 b2',
    received: 'a1 a2 b1 b2',
    finds: ['loss without a gap'],
  },
  {
    name: 'log emptied, seqs continue, without a gap',
    log: 'a1/b1 b2',
    received: 'a1 b2',
    finds: ['loss without a gap'],
  },
  {
    name: 'log emptied, and the new events are missing',
    log: 'a1 a2/b1',
    received: 'a1 a2',
    finds: ['end not reached'],
  },
  {
    name: 'the log lost its end, without a gap',
    log: 'a1 a2/a1 b2 b3',
    received: 'a1 a2 b3',
    finds: ['loss without a gap'],
  },
  {
    name: 'one event is missing after a restart',
    log: 'a1/b1 b2',
    received: 'a1 restarted b2',
    finds: ['loss without a gap'],
  },
  {
    name: 'one event is missing after the log lost its end',
    log: 'a1 a2/a1 b2 b3',
    received: 'a1 a2 restarted b3',
    finds: ['loss without a gap'],
  },
  {
    name: 'the log lost its end and later deleted some of the new events',
    log: 'a1 a2 a3/a1 b2 b3 b4 b5',
    received: 'a1 a2 a3 trimmed:1 b5',
    trimmedUpTo: 3,
    finds: ['loss without a gap'],
  },
  {
    name: 'the log lost its end and later deleted new events, and one event of the filter is missing',
    log: 'a1 a2 a3/a1 b2 b3 b4 b5 b6',
    received: 'a1 a2 a3 trimmed:<=1 b6',
    types: ['message'],
    trimmedUpTo: 4,
    finds: ['loss without a gap'],
  },
  {
    name: 'the log lost its end and kept an event that shows it, but the gap only says a number',
    log: 'a1 a2 a3/a1 b2 b3n b4n b5',
    received: 'a1 a2 a3 trimmed:<=1 b5',
    types: ['message'],
    trimmedUpTo: 2,
    finds: ['loss without a gap'],
  },
  {
    name: 'the log lost its end and later deleted the new events, without a gap',
    log: 'a1 a2/a1 b2 b3',
    received: 'a1 a2 b3',
    trimmedUpTo: 2,
    finds: ['loss without a gap'],
  },
  // received wrongly
  { name: 'received twice', log: 'a1 a2', received: 'a1 a2 a2', finds: ['received twice'] },
  {
    name: 'received twice after a restart',
    log: 'a1 a2/a1 b2',
    received: 'a1 a2 restarted a1 b2',
    finds: ['received twice'],
  },
  {
    name: 'two events swapped',
    log: 'a1 a2 a3',
    received: 'a2 a1 a3',
    finds: ['loss without a gap', 'out of order'],
  },
  {
    name: 'a wrong number in a gap',
    log: 'a1 a2 a3',
    received: 'a1 trimmed:2 a3',
    trimmedUpTo: 2,
    finds: ['wrong number'],
  },
  { name: 'a gap of 0 events', log: 'a1 a2', received: 'a1 trimmed:0 a2', finds: ['false gap'] },
  { name: 'a gap without a loss', log: 'a1 a2', received: 'a1 trimmed:1 a2', finds: ['wrong number'] },
  { name: 'a restart gap without a loss', log: 'a1 a2', received: 'a1 restarted a2', finds: ['false gap'] },
  {
    name: 'an inexact number without a filter',
    log: 'a1 a2 a3',
    received: 'a1 trimmed:<=1 a3',
    trimmedUpTo: 2,
    finds: ['wrong number'],
  },
  {
    name: 'a restart gap, but the log lost no event that the filter hides',
    log: 'a1 a2n a3/a1 a2n b3',
    received: 'a1 restarted b3',
    types: ['message'],
    finds: ['false gap'],
  },
  { name: 'an event that was never stored', log: 'a1 a2', received: 'a1 b2 a2', finds: ['unknown event'] },
];

describe('a reader that received', () => {
  test.each(cases)('$received of the log $log: $name', (c) => {
    const truth = new Map([['feed', lives(c.log, c.trimmedUpTo ?? 0)]]);
    const begin = c.from === undefined ? [] : [['feed', c.from === 'now' ? 'now' : idOf(c.from)] as const];
    const types = c.types === undefined ? null : new Set(c.types);
    const entries = received(c.received);
    const history = { reader: 'r', channels: ['feed'], types, begin: new Map(begin), entries };
    expect(judgeHistory(truth, history).map(({ kind }) => kind)).toEqual(c.finds);
  });

  test('a gap for events that were deleted only later is found', () => {
    const entries = received('a1 trimmed:1 a3');
    const history = { reader: 'r', channels: ['feed'], types: null, begin: new Map(), entries };
    const findsIn = (trimmedAt: number) =>
      judgeHistory(new Map([['feed', lives('a1 a2 a3', 2, trimmedAt)]]), history).map(({ kind }) => kind);
    expect([findsIn(0), findsIn(60_000)]).toEqual([[], ['loss without a gap']]);
  });

  test('data that differ from the stored data are found', () => {
    const entries = received('a1 a2').map((entry) =>
      entry.kind === 'event' ? { ...entry, fact: { ...entry.fact, text: '"x"' } } : entry,
    );
    const history = { reader: 'r', channels: ['feed'], types: null, begin: new Map(), entries };
    const found = judgeHistory(new Map([['feed', lives('a1 a2', 0)]]), history);
    expect(found.map(({ kind }) => kind)).toEqual(['unknown event', 'unknown event', 'end not reached']);
  });
});

/** An event with the mark of its publisher. */
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

  test('that stored each request once and as a whole is right', () => {
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
      name: 'a request is stored in part',
      log: [marked('1-1', 1, 0, 2), marked('2-2', 2, 0, 1)],
      says: /stored in part/,
    },
    {
      name: 'the start of a request is missing',
      log: [marked('1-1', 1, 1, 2)],
      says: /1-1 does not follow the previous event of its request/,
    },
    { name: 'time goes back', log: [...whole, marked('1-4', 3, 0, 1)], says: /time of 1-4 goes back/ },
  ])('is wrong if $name', ({ log, acked, says }) => {
    expect(found(log, acked)).toMatch(says);
  });
});

describe('the record of what was stored', () => {
  const events = (words: string) => words.split(' ').map(fact);

  test('starts again after a loss of everything, and continues after a loss of the end', () => {
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
  ])('shows that $name', ({ next, epoch, says }) => {
    const truth = createTruth(['feed']);
    truth.store('aaaaaa', events('a1 a2'));
    truth.store(epoch, events(next));
    expect(truth.faults.join()).toMatch(says);
  });

  test('shows that the log lost an event without a fault', () => {
    const truth = createTruth(['feed']);
    truth.store('aaaaaa', events('a1 a2 a3'));
    truth.compare('feed', { epoch: 'aaaaaa', events: events('a2') }, 3);
    expect(truth.lives.get('feed')?.[0]?.trims).toMatchObject([{ upTo: 1 }]);
    expect(truth.faults).toEqual(['feed: the log lost 1, from 100-3']);
  });
});

describe('a state', () => {
  const about = (word: string, subject: string, remove = false): Fact => ({ ...fact(word), subject, remove });
  const life = (...events: readonly Fact[]): Life => ({ epoch: 'aaaaaa', events: [...events], trims: [] });
  const first = life(
    about('a1', 'x'),
    fact('a2'),
    about('a3', 'y'),
    about('a4', 'x'),
    about('a5', 'y', true),
  );
  /** A fail-over lost all but two events, and others have their numbers. */
  const second = life(about('a1', 'x'), fact('a2'), about('b3', 'z'));
  const judge = (at: string, subjects: Record<string, string>, epoch = 'aaaaaa') => {
    const ids = new Map(Object.entries(subjects).map(([subject, word]) => [subject, idOf(word)]));
    const id = /^[abc]/.test(at) ? idOf(at) : at;
    const own = { reader: 'state 1', channel: 'feed', epoch, id, subjects: ids };
    return judgeStates(new Map([['feed', [first, second]]]), [own]).map(({ kind }) => kind);
  };

  test.each([
    ['at the beginning', '0-0', {}],
    ['after the first event', 'a1', { x: 'a1' }],
    ['after a plain event', 'a2', { x: 'a1' }],
    ['with two subjects', 'a3', { x: 'a1', y: 'a3' }],
    ['with a newer event of a subject', 'a4', { x: 'a4', y: 'a3' }],
    ['after a removal', 'a5', { x: 'a4' }],
    ['of the life after a loss', 'b3', { x: 'a1', z: 'b3' }],
    ['at a position before an event, whose time no event has', '150-3', { x: 'a1', y: 'a3' }],
  ])('is right if it is the fold of the log: %s', (_, at, subjects) => {
    expect(judge(at, subjects)).toEqual([]);
  });

  test.each([
    ['a subject is missing', 'a3', { x: 'a1' }, 'aaaaaa'],
    ['a subject is too much', 'a1', { x: 'a1', y: 'a3' }, 'aaaaaa'],
    ['an event is too old', 'a4', { x: 'a1', y: 'a3' }, 'aaaaaa'],
    ['an event is too new', 'a3', { x: 'a4', y: 'a3' }, 'aaaaaa'],
    ['a removed subject is there', 'a5', { x: 'a4', y: 'a3' }, 'aaaaaa'],
    ['it is of the life before the loss', 'b3', { x: 'a1', y: 'a3' }, 'aaaaaa'],
    ['it is of another epoch', 'a1', { x: 'a1' }, 'bbbbbb'],
    ['it is later than the log', '150-9', { x: 'a4' }, 'aaaaaa'],
    ['it is not empty at the beginning', '0-0', { x: 'a1' }, 'aaaaaa'],
  ])('is wrong if %s', (_, at, subjects, epoch) => {
    expect(judge(at, subjects, epoch)).toEqual(['wrong state']);
  });

  test('of Redis itself is compared too', () => {
    const truth = createTruth(['feed']);
    const events = [about('a1', 'x'), about('a2', 'y')];
    truth.store('aaaaaa', events);

    truth.compareState(
      'feed',
      idOf('a2'),
      new Map([
        ['x', idOf('a1')],
        ['y', idOf('a2')],
      ]),
    );
    expect(truth.faults).toEqual([]);
    truth.compareState('feed', idOf('a2'), new Map([['x', idOf('a1')]]));
    expect(truth.faults).toEqual([
      expect.stringContaining('feed: the state at 100-2 is {x 100-1}, but the events make'),
    ]);
  });
});
