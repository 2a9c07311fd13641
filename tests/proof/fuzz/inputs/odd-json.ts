import type { Chance } from '../chance.ts';
import type { Input, PublishBody } from '../plan.ts';
import type { Header } from '../request.ts';
import { oneRequest } from '../request.ts';
import { eventText, jsonText } from './json-text.ts';
import { contentTypeOf, publisher } from './valid-publish.ts';

const outcomes = [201, 400, 413, 422];

/** A publish body of JSON that is deep or large, has repeated keys or names of prototypes, or is not JSON. */
export function oddJson(chance: Chance): Input {
  return publishBytes(chance, { form: 'json', bytes: Buffer.from(jsonText(chance)) });
}

/** Lines of JSON, any of which may be wrong, with all kinds of line ends. */
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

/** A body that is not UTF-8: overlong, cut, half a surrogate pair, or out of range. Some are valid. */
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

/** A content type that is not one of the two, or is one in another spelling. */
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
  // The framework reads requests that look like server actions; a route has none.
  if (chance.once(8)) headers.push(['next-action', chance.text(40, '0123456789abcdef')]);
  return oneRequest(
    { method: 'POST', target: '/api/events', headers, body: bytes },
    { statuses: [201, 415], body: { form: type.includes('ndjson') ? 'lines' : 'json', bytes } },
  );
}

function publishBytes(chance: Chance, body: PublishBody): Input {
  const headers: Header[] = chance.once(30) ? [] : [publisher];
  return oneRequest(
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
