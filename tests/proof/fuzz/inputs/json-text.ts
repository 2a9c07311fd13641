import type { Chance } from '../chance.ts';
import { nameText } from './odd-query.ts';

/** An event with this data as JSON: plain, of any channel and type, or with unknown or repeated fields. */
export function eventText(chance: Chance, data: string): string {
  const channel = JSON.stringify(chance.once(3) ? nameText(chance) : 'public:json');
  const type = JSON.stringify(
    chance.pick(['message', 'machine', 'constructor', '__proto__', nameText(chance)]),
  );
  return chance.pick([
    () => `{"channel":"public:json","data":${data}}`,
    () => `{"channel":${channel},"data":${data}}`,
    () => `{"channel":"public:json","type":${type},"data":${data}}`,
    () =>
      `{"channel":"public:json","data":${data},"${chance.pick(['id', 'time', '__proto__', 'constructor', 'data', 'channel', ''])}":${chance.pick(['1', 'null', '{}', '"public:json"'])}}`,
    () => ` \t\r\n{ "data" : ${data} , "channel" : "public:json" }\n`,
  ])();
}

/** A body or a line of it: events, values that are not events, and texts that are cut or not JSON. */
export function jsonText(chance: Chance): string {
  return chance.pick([
    () => eventText(chance, dataText(chance)),
    () => eventText(chance, dataText(chance)),
    () => eventText(chance, dataText(chance)),
    () => `[${Array.from({ length: chance.below(4) }, () => eventText(chance, dataText(chance))).join()}]`,
    () => eventText(chance, dataText(chance)).slice(0, chance.below(60)),
    () => `${eventText(chance, '1')}${chance.pick([',', '}', ']', '\0', 'x', '//', '\ufeff'])}`,
    () =>
      chance.pick([
        '',
        ' ',
        'null',
        '42',
        '"x"',
        '[]',
        '{}',
        '[[]]',
        '[null]',
        'undefined',
        'NaN',
        '\ufeff{}',
        '{"__proto__":{"data":1}}',
        "{'data':1}",
      ]),
    () =>
      chance.once(12)
        ? `[${Array.from({ length: chance.pick([500, 501, 2_000]) }, () => '{"channel":"public:many","data":0}').join()}]`
        : '[]',
    () => (chance.once(12) ? largeText(chance) : '[1]'),
  ])();
}

/** An event of about 64 KiB or a body of about 1 MiB, just within and just over the limit. */
function largeText(chance: Chance): string {
  const frame = JSON.stringify({ channel: 'public:large', type: 'message', data: '' }).length;
  const size = chance.pick([65_535, 65_536, 65_537, 1_048_000, 1_048_577, 2_000_000]);
  return `{"channel":"public:large","data":"${chance.pick(['x', 'x', '0'])}${'x'.repeat(size - frame - 1)}"}`;
}

function dataText(chance: Chance): string {
  const depth = chance.pick([3, 50, 500, 5_000, chance.once(8) ? 120_000 : 10]);
  return chance.pick([
    () =>
      chance.pick([
        '0',
        '-0',
        '1e400',
        '1e-400',
        '9007199254740993',
        '0.1',
        '1.50',
        '15e-1',
        '123456789012345678',
        '1e999999999',
        '-1E+5',
        '01',
        '.5',
        '5.',
        '+1',
        '0x10',
        `1${'0'.repeat(400)}`,
        `0.${'1'.repeat(3_000)}`,
      ]),
    () => `${'['.repeat(depth)}${chance.pick(['', '1', '1e2', '{}'])}${']'.repeat(depth)}`,
    () => `${'{"a":'.repeat(depth)}${chance.pick(['1', '1e2', ''])}${'}'.repeat(depth)}`,
    () =>
      chance.pick([
        '{"a":1,"a":2}',
        '{"__proto__":{"x":1}}',
        '{"constructor":{"prototype":{"x":1}}}',
        '{"toJSON":1}',
        '{"length":5}',
        '{"":""}',
        '{"1":1,"0":0}',
      ]),
    () =>
      chance.pick([
        '"\\ud800"',
        '"\\u0000"',
        '"\\u2028"',
        '"\\x41"',
        '"\t"',
        '"\u0000"',
        '"\\"',
        '"\u007f"',
        '"😀"',
        '"\\ud83d\\ude00"',
        '"data: x\\n\\nid: 9-9"',
      ]),
    () =>
      chance.pick([
        'true',
        'false',
        'null',
        'tru',
        '{}',
        '[]',
        '{"load":1}',
        '{"load":"x","memoryUsedPercent":400}',
        '{"load":1,"memoryUsedPercent":1,"diskUsedPercent":1,"uptimeSeconds":1,"eventLoopDelayMs":1}',
      ]),
    () => JSON.stringify(chance.text(chance.below(400), 'aé✓😀"\\\n\0')),
  ])();
}
