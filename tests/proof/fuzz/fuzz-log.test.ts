import { describe, expect, test } from 'vitest';
import { checkLog, type StoredEvent } from './check-log.ts';
import { makeModel, publishedBy } from './model.ts';
import { expectAnswer } from './request.ts';

function expectedFor(data: number) {
  const bytes = Buffer.from(JSON.stringify({ data }));
  return expectAnswer({ method: 'POST', body: { form: 'json', bytes } });
}

function answerOf(status: number, ...ids: readonly string[]) {
  const body = JSON.stringify({
    events: ids.map((id) => ({ id, channel: 'feed' })),
    duplicate: status === 200,
  });
  return { status, body, headers: new Map<string, string>(), isWhole: true, tookMs: 1 };
}

function stored(seq: number, data: string): StoredEvent {
  return { channel: 'feed', time: 5, seq, epoch: 'aaaaaa', type: 'message', data, attributes: null };
}

/** A model of two events that were acknowledged, 1 and 2, and one, 3, whose answer was lost. */
function modelOfThree() {
  const model = makeModel();
  model.acknowledge(expectedFor(1), answerOf(201, '5-1'));
  model.acknowledge(expectedFor(2), answerOf(201, '5-2'));
  model.lose(expectedFor(3));
  return model;
}

const one = stored(1, '1');
const two = stored(2, '2');
const three = stored(3, '3');

describe('a log', () => {
  test.each([
    ['the acknowledged events', [one, two]],
    ['the acknowledged events and the one whose answer was lost', [one, two, three]],
  ])('that has %s is right', (_name, events) => {
    expect(checkLog(events, modelOfThree())).toEqual([]);
  });

  test.each([
    ['misses an event', [one], '5-2 was acknowledged but is missing'],
    ['has one event twice', [one, two, three, stored(4, '3')], '5-4 was stored but never acknowledged'],
    ['has an event that was never sent', [one, two, stored(3, '9')], '5-3 was stored but never acknowledged'],
    ['has another event in its place', [one, stored(2, '9')], '5-2 holds another event'],
    ['is not dense', [one, two, stored(4, '3')], 'seq 4 follows 2'],
    ['has a second epoch', [one, { ...two, epoch: 'bbbbbb' }], 'a second epoch'],
  ])('that %s is wrong', (_name, events, fault) => {
    expect(checkLog(events, modelOfThree()).join('\n')).toContain(fault);
  });

  test('that misses an event of an answer to a duplicate is wrong', () => {
    const model = modelOfThree();
    model.acknowledge(expectedFor(4), answerOf(200, '5-7'));
    expect(checkLog([one, two], model).join('\n')).toContain('5-7 was answered as a duplicate');
  });
});

describe('an acknowledgement', () => {
  test('of more events than were sent, or of one id twice, is wrong', () => {
    const model = modelOfThree();
    expect(model.acknowledge(expectedFor(4), answerOf(201, '5-4', '5-5')).join()).toContain(
      '2 events were acknowledged',
    );
    expect(model.acknowledge(expectedFor(4), answerOf(201, '5-2')).join()).toContain('acknowledged twice');
  });

  test('of an unreadable body is wrong', () => {
    const expected = expectAnswer({ method: 'POST', body: { form: 'json', bytes: Buffer.from('{"data":') } });
    expect(makeModel().acknowledge(expected, answerOf(201, '5-1')).join()).toContain('none that can be read');
  });
});

test('of two equal keys the last one counts, and the name of a prototype is an ordinary key', () => {
  const bytes = Buffer.from('{"channel":"a","data":{"__proto__":1,"x":1,"x":2}}');
  expect(publishedBy({ form: 'json', bytes })).toEqual([
    { channel: 'a', type: 'message', data: '{"__proto__":1,"x":2}', attributes: null },
  ]);
});

test('what an event is about is part of what must be stored', () => {
  const event = { data: 1, subject: 'a', ttlSeconds: 5, remove: false, end: true };
  const bytes = Buffer.from(JSON.stringify(event));
  const expected = expectAnswer({ method: 'POST', body: { form: 'json', bytes } });
  const model = makeModel();
  model.acknowledge(expected, answerOf(201, '5-1'));
  const attributes = '{"subject":"a","ttlMs":5000,"end":true}';

  expect(checkLog([{ ...one, attributes }], model)).toEqual([]);
  for (const other of [null, '{"subject":"a","end":true}', '{"subject":"b","ttlMs":5000,"end":true}']) {
    expect(checkLog([{ ...one, attributes: other }], model).join()).toContain('holds another event');
  }
});
