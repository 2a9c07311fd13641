import { describe, expect, test } from 'vitest';
import { readChaosOrder } from './chaos-options.ts';
import { comparisonTable, type Side } from './peer/comparison.ts';
import { judgePeer } from './peer/judge-peer.ts';

/** What three publishers were acknowledged in one channel, in the first, second and third ms. */
const acknowledged = ['a', 'b', 'c'].map((name, index) => ({ name, channel: 'feed', at: index + 1 }));
const nothing = { lost: 0, lostWithData: 0, toldTwice: 0, storedTwice: 0, outOfOrder: 0 };

/** Judges one reader that received this, `<id> <name>` each; `kept` is what Redis has at the end. */
function judge(
  received: string,
  { kept = 'abc', losses = [] as number[], isAtEnd = true, channels = ['feed'] } = {},
) {
  const entries = received.split(', ').map((entry) => {
    const [id = '', name = ''] = entry.split(' ');
    return { channel: 'feed', id, name };
  });
  return judgePeer(acknowledged, { kept: new Set(kept), losses }, [{ channels, isAtEnd, received: entries }]);
}

describe('a reader of the peer', () => {
  test.each([
    { says: 'has everything', received: '1-0 a, 2-0 b, 10-0 c', faults: {} },
    { says: 'received more than was acknowledged', received: '1-0 a, 2-0 b, 2-1 x, 10-0 c', faults: {} },
    { says: 'misses one', received: '1-0 a, 10-0 c', faults: { lost: 1 } },
    {
      says: 'received an entry again',
      received: '1-0 a, 2-0 b, 1-0 a, 2-0 b, 3-0 c',
      faults: { toldTwice: 2 },
    },
    {
      says: 'received both entries of one',
      received: '1-0 a, 2-0 b, 2-1 b, 3-0 c',
      faults: { storedTwice: 1 },
    },
    { says: 'received one late', received: '1-0 a, 10-0 c, 9-0 b', faults: { outOfOrder: 1 } },
    { says: 'received one late in the same ms', received: '1-0 a, 1-10 c, 1-9 b', faults: { outOfOrder: 1 } },
  ])('$says', ({ received, faults }) => {
    expect(judge(received)).toEqual({ ...nothing, ...faults });
  });

  test('that misses events that Redis lost has lost none that Redis kept', () => {
    expect(judge('1-0 a, 4-0 c', { kept: 'ac', losses: [3] })).toEqual({ ...nothing, lostWithData: 1 });
  });

  test('that received a later event before the loss has lost the earlier one', () => {
    expect(judge('1-0 a, 4-0 c', { kept: '', losses: [5] })).toEqual({ ...nothing, lost: 1 });
  });

  test('that received a later event of another channel only has not skipped it', () => {
    const other = { channel: 'other', id: '9-0', name: 'x' };
    const received = [other, ...['a', 'c'].map((name, seq) => ({ channel: 'feed', id: `1-${seq}`, name }))];
    const histories = [{ channels: ['feed', 'other'], isAtEnd: true, received }];
    const faults = judgePeer(acknowledged, { kept: new Set(), losses: [] }, histories);
    expect(faults).toEqual({ ...nothing, lostWithData: 1 });
  });

  test('that did not reach the end has lost nothing yet', () => {
    expect(judge('1-0 a', { isAtEnd: false })).toEqual(nothing);
  });

  test('has lost nothing of a channel that it does not read', () => {
    expect(judge('1-0 a', { channels: ['other'] })).toEqual(nothing);
  });
});

test('the table shows both sides, and a dash for a missing time', () => {
  const ours: Side = {
    ...{ ...nothing, readers: 2, atEnd: 2, acknowledged: 1_000, retries: 0, deliveries: 2_000 },
    ...{ gaps: 3, cuts: 4, p50Ms: 1_234, p99Ms: null },
  };
  const table = comparisonTable({ ours, peer: { ...ours, gaps: null, atEnd: 1, lost: 7 } });
  expect(table).toContain('| lost: acknowledged, kept by Redis, never received | 0 | 7 |');
  expect(table).toContain('| gaps reported | 3 | has no gaps |');
  expect(table).toContain('| readers that reached the end | 2 of 2 | 1 of 2 |');
  expect(table).toContain('| recovery after a fault, p50 | 1.23 s | 1.23 s |');
  expect(table).toContain('| recovery after a fault, p99 | – | – |');
});

describe('who takes part in a run', () => {
  const runOf = (...args: readonly string[]) => {
    const order = readChaosOrder(args, 1);
    return order.kind === 'run' ? order.options : null;
  };

  test.each([
    { args: [], browser: 'if found', withPeer: false },
    { args: ['--browser'], browser: 'needed', withPeer: false },
    { args: ['--no-browser'], browser: 'no', withPeer: false },
    { args: ['--peer'], browser: 'if found', withPeer: true },
  ])('$args', ({ args, ...wanted }) => {
    expect(runOf(...args)).toMatchObject(wanted);
  });

  test('cannot both need and exclude the browser', () => {
    expect(() => runOf('--browser', '--no-browser')).toThrow(/exclude each other/);
  });
});
