import { describe, expect, test } from 'vitest';
import { readAnswers } from './answer-reader.ts';
import { readFuzzOptions } from './fuzz-options.ts';
import { surprisesIn } from './fuzz-server.ts';
import { kinds, makePlan } from './inputs.ts';
import { escaped, failureText } from './run-fuzz.ts';

const numbers = Array.from({ length: 2_000 }, (_, number) => number);

describe('the plan of a request', () => {
  test('is the same for the same seed and number, whatever was planned before', () => {
    expect(makePlan(7, 42)).toEqual(makePlan(7, 42));
    const forwards = numbers.slice(0, 50).map((number) => makePlan(7, number));
    const backwards = numbers
      .slice(0, 50)
      .toReversed()
      .map((number) => makePlan(7, number));
    expect(backwards.toReversed()).toEqual(forwards);
  });

  test('differs for another seed', () => {
    const bytesOf = (seed: number) =>
      numbers.slice(0, 50).map((number) => String(makePlan(seed, number).parts));
    expect(bytesOf(7)).not.toEqual(bytesOf(8));
  });

  test('is of every kind, and about one in five is valid', () => {
    const drawn = numbers.map((number) => makePlan(1, number).kind);
    expect(new Set(drawn)).toEqual(new Set(Object.keys(kinds)));
    const valid = drawn.filter((kind) => kind.startsWith('valid')).length / drawn.length;
    expect(valid).toBeGreaterThan(0.15);
    expect(valid).toBeLessThan(0.25);
  });
});

describe('a failure', () => {
  test('is printed with its exact bytes and the command that sends them again', () => {
    const text = failureText({ plan: makePlan(7, 42), faults: ['it is wrong'] }, 7);
    expect(text).toMatch(/^seed 7, request 42 \(/);
    expect(text).toContain('it is wrong');
    expect(text).toContain('npm run proof:fuzz -- --seed 7 --from 42 --requests 1');
    expect(escaped(Buffer.from([0, 0x41, 0x5c, 0xff, 13, 10]))).toBe('\\x00A\\x5c\\xff\\r\\n');
  });
});

describe('the reader of answers', () => {
  const two =
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n' +
    'HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno';

  test('reads the same answers, wherever the bytes are split', () => {
    for (let at = 0; at <= two.length; at += 1) {
      const reader = readAnswers(['GET', 'GET']);
      for (const part of [two.slice(0, at), two.slice(at)]) reader.take(Buffer.from(part));
      expect(reader.answers().map(({ status, body, isWhole }) => [status, body, isWhole])).toEqual([
        [200, 'abcde', true],
        [404, 'no', true],
      ]);
    }
  });

  test('reports bytes that are not HTTP, and answers that are incomplete', () => {
    const wrong = readAnswers(['GET']);
    wrong.take(Buffer.from('nonsense\r\n\r\n'));
    expect(wrong.fault()).toContain('nonsense');
    const cut = readAnswers(['GET']);
    cut.take(Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab'));
    cut.close();
    expect(cut.answers()).toMatchObject([{ body: 'ab', isWhole: false }]);
  });
});

test('a printed line is unexpected unless it is known', () => {
  const known =
    "▲ Next.js 16\n- Local: x\nTypeError: Invalid URL\n    at x {\n  code: 'ERR_INVALID_URL',\n  input: '*'\n}\n";
  expect(surprisesIn(known)).toEqual([]);
  expect(surprisesIn(`${known}steadfeed: unexpected error`)).toEqual(['steadfeed: unexpected error']);
  expect(surprisesIn('TypeError: x is undefined')).toHaveLength(1);
});

test('an error of the command line names the wrong option', () => {
  expect(readFuzzOptions(['--seed', '7', '--from', '42', '--requests', '1'])).toEqual({
    kind: 'run',
    run: { seed: 7, from: 42, requests: 1 },
  });
  expect(() => readFuzzOptions(['--requests', '0'])).toThrow('--requests: "0"');
  expect(() => readFuzzOptions(['--sed', '1'])).toThrow('--sed');
});
