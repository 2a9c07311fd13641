import { describe, expect, test } from 'vitest';
import { parseJsonStrict } from '../../../lib/server/http/parse-json-strict.ts';
import { seeded, seeds } from '../../support/seeded.ts';

const parse = (text: string) => parseJsonStrict(text, 'body');

const exact: readonly (readonly [source: string, value: number])[] = [
  ['0', 0],
  ['-0', -0],
  ['-0.0', -0],
  ['0.000', 0],
  ['0e400', 0],
  ['1.0', 1],
  ['1.50', 1.5],
  ['15e-1', 1.5],
  ['0.1', 0.1],
  ['1e2', 100],
  ['1E+2', 100],
  ['-1.20e-3', -0.0012],
  ['100000000000000000000', 1e20],
  ['9007199254740992', 2 ** 53],
  ['0.30000000000000004', 0.1 + 0.2],
  ['3.141592653589793', Math.PI],
  ['1.7976931348623157e308', Number.MAX_VALUE],
  ['5e-324', Number.MIN_VALUE],
  ['4.9e-324', Number.MIN_VALUE],
  ['0.10000000000000001', 0.1],
  ['-3.1415926535897931', -Math.PI],
  ['1.1000000000000001e2', 110.00000000000001],
];

const refused = [
  '12345678901234567890',
  '-12345678901234567890',
  '9007199254740993',
  '123456789012345678',
  '0.1000000000000000055',
  '0.12345678901234567890',
  '3.1415926535897932384',
  '1e400',
  '-1e400',
  '1e-400',
  '1152921504606846976',
  '3.1415926535897935',
];

/** Places where a number can stand. */
const places: readonly ((number: string) => string)[] = [
  (number) => number,
  (number) => ` [ ${number} ] `,
  (number) => `{"a":[0,{"b":${number}}]}`,
  (number) => `{"__proto__":${number}}`,
  (number) => `["x",\n${number}\n,null]`,
];

const malformed = [
  '',
  ' ',
  '{',
  '[1,]',
  "{'a':1}",
  'NaN',
  'Infinity',
  '01',
  '.5',
  '1.',
  '+1',
  '1e',
  '"\n"',
  '\ufeff1',
  '1 2',
];

describe('strict JSON parsing', () => {
  test.each(exact)('accepts %s', (source, value) => {
    expect(parse(source)).toBe(value);
    for (const place of places) expect(parse(place(source))).toEqual(JSON.parse(place(source)));
  });

  test.each(refused)('refuses %s wherever it stands', (source) => {
    for (const place of places) {
      expect(() => parse(place(source))).toThrow(
        expect.objectContaining({
          code: 'bad-request',
          message: `body: The number ${source} cannot be represented exactly as a JavaScript number. Send it as a string.`,
        }),
      );
    }
  });

  test.each(refused)('accepts %s as a string and as a key', (source) => {
    expect(parse(`"${source}"`)).toBe(source);
    expect(parse(`{"${source}":"${source}"}`)).toEqual({ [source]: source });
  });

  test.each(malformed)('refuses %j as not valid JSON', (text) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({ code: 'bad-request', message: 'body is not valid JSON.' }),
    );
  });

  test('keeps a key __proto__ as a key, beside a number that needs a check', () => {
    const parsed = parse('{"__proto__":{"a":1e2},"b":12345678901234567000}');

    expect(Object.keys(parsed as object)).toEqual(['__proto__', 'b']);
    expect(JSON.stringify(parsed)).toBe('{"__proto__":{"a":100},"b":12345678901234567000}');
  });

  test.each([
    ['many zeros within', `1.${'0'.repeat(200_000)}1`],
    ['many zeros before', `0.${'0'.repeat(200_000)}1`],
    ['many digits', '7'.repeat(200_000)],
  ])('refuses a number of 200,000 digits quickly: %s', (_, text) => {
    const startedAt = performance.now();

    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'bad-request' }));

    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  test('refuses nesting that is too deep, and does not crash', () => {
    const levels = 400_000;

    expect(() => parse(`${'['.repeat(levels)}1e2${']'.repeat(levels)}`)).toThrow(
      expect.objectContaining({ code: 'bad-request' }),
    );
  });

  test.each(seeds(300))('accepts what JSON.stringify writes for any double (seed %i)', (seed) => {
    const random = seeded(seed);
    const bits = new DataView(new ArrayBuffer(8));
    bits.setUint32(0, random.whole(0, 0xffffffff));
    bits.setUint32(4, random.whole(0, 0xffffffff));
    const double = bits.getFloat64(0);
    const text = JSON.stringify([Number.isFinite(double) ? double : 0, random.whole(-1e6, 1e6) / 100]);

    expect(parse(text)).toEqual(JSON.parse(text));
  });

  test.each(seeds(300))('accepts a decimal only if JavaScript writes it back unchanged (seed %i)', (seed) => {
    const random = seeded(seed);
    const digits = [...'0123456789'];
    const source = `${random.whole(1, 9)}${random.text(digits, 0, 12)}.${random.text(digits, 0, 10)}${random.whole(1, 9)}`;
    const isExact = String(Number(source)) === source;

    if (isExact) expect(parse(source)).toBe(Number(source));
    else expect(() => parse(source)).toThrow('cannot be represented exactly');
  });
});
