import type { Chance } from '../chance.ts';
import { oneAsk } from '../one-ask.ts';
import type { Input, PublishBody } from '../plan.ts';
import type { Header } from '../request-bytes.ts';
import { nameText } from './odd-query.ts';
import { contentTypeOf, publisher } from './valid-publish.ts';

const outcomes = [201, 400, 413, 422];

/** JSON that is deep, large, doubled, prototypes' names, or none at all, as a publish request's body. */
export function oddJson(chance: Chance): Input {
  return publishBytes(chance, { form: 'json', bytes: Buffer.from(jsonText(chance)) });
}

/** Lines of JSON of which any may be wrong, with line ends of every kind. */
export function oddLines(chance: Chance): Input {
  const count = chance.once(25) ? chance.pick([500, 501, 1_500]) : chance.below(6);
  const line = () => (chance.once(3) ? jsonText(chance) : eventText(chance, '1'));
  const ends = ['\n', '\n', '\r\n', '\r', '\n\n', '\u2028', ' \n'] as const;
  const text = Array.from(
    { length: count },
    () => `${count > 6 ? '{"data":1}' : line()}${chance.pick(ends)}`,
  ).join('');
  return publishBytes(chance, {
    form: 'lines',
    bytes: Buffer.from(chance.once(10) ? `\ufeff${text}` : text),
  });
}

/** A body whose bytes are not UTF-8: overlong, cut, half a pair, or beyond what there is; here and there it is. */
export function oddUtf8(chance: Chance): Input {
  const wrong = Buffer.from(
    chance.pick([
      'c0af',
      'e080af',
      'eda080',
      'f4908080',
      'ff',
      'fe',
      '80',
      'e2 9c'.replace(' ', ''),
      'f09f98',
      'efbbbf',
      'fffe',
      'c3a9',
      '00',
    ]),
    'hex',
  );
  const [head, tail] = chance.pick<[string, string]>([
    ['{"channel":"public:utf","data":"', '"}'],
    ['', '{"channel":"public:utf","data":1}'],
    ['{"channel":"public:', '","data":1}'],
    ['{"data":1,"channel":"public:utf"}', ''],
  ]);
  const bytes = Buffer.concat([Buffer.from(head), wrong, Buffer.from(tail)]);
  return publishBytes(chance, { form: chance.pick(['json', 'lines']), bytes });
}

/** A content type that is not one of the two, or is, in other words. */
export function oddContentType(chance: Chance): Input {
  const bytes = Buffer.from('{"channel":"public:types","data":1}');
  const type = chance.pick([
    '',
    'text/plain',
    'application/xml',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    'application/json, text/plain',
    ';',
    'x'.repeat(2_000),
    'application/x-www-form-urlencoded',
    'application/json\u00ff',
    'APPLICATION/JSON',
    'application/json;charset=utf-16',
    'application/x-ndjson;',
  ]);
  const headers: Header[] = [publisher];
  if (!chance.once(8)) headers.push(['content-type', type]);
  if (chance.once(8)) headers.push(['content-encoding', chance.pick(['gzip', 'br', 'x'])]);
  // A form that has the marks of a server action is the framework's to read: it finds none, on a route.
  if (chance.once(8)) headers.push(['next-action', chance.text(40, '0123456789abcdef')]);
  return oneAsk(
    { method: 'POST', target: '/api/events', headers, body: bytes },
    { statuses: [201, 415], body: { form: type.includes('ndjson') ? 'lines' : 'json', bytes } },
  );
}

function publishBytes(chance: Chance, body: PublishBody): Input {
  const headers: Header[] = chance.once(30) ? [] : [publisher];
  return oneAsk(
    {
      method: 'POST',
      target: '/api/events',
      headers: [...headers, contentTypeOf(body)],
      body: body.bytes,
      ...(chance.once(3) ? { chunkSizes: [1 + chance.below(5_000), 1 + chance.below(50)] } : {}),
    },
    { statuses: headers.length === 0 ? [401] : outcomes, body },
  );
}

function eventText(chance: Chance, data: string): string {
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

function jsonText(chance: Chance): string {
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

/** An event of about 64 KiB, or a body of about 1 MiB: each with the last byte that is taken, and the first that is not. */
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
