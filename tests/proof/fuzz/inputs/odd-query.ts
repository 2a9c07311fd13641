import type { Chance } from '../chance.ts';
import type { ExpectedAnswer, Input } from '../plan.ts';
import type { Header } from '../request.ts';
import { oneRequest, slowMs } from '../request.ts';

const names = [
  'channel',
  'type',
  'subject',
  'latest',
  'after',
  'rewind',
  'limit',
  'wait',
  'heartbeat',
  'before',
  'token',
  'chanel',
  '_',
  '',
  '__proto__',
] as const;

/** A query of known and unknown names with invalid values, some repeated, some very long. */
export function oddQuery(chance: Chance): Input {
  const pairs = Array.from({ length: 1 + chance.below(chance.once(20) ? 120 : 4) }, () => {
    const name = chance.pick(names);
    return chance.once(12) ? name : `${name}=${oddValue(chance)}`;
  });
  return readWith(chance, pairs.join(chance.once(15) ? ';' : '&'));
}

/** A valid or broken cursor: in the query under each of its names, or as `Last-Event-ID`. */
export function oddCursor(chance: Chance): Input {
  const cursor = cursorText(chance);
  if (chance.once(2)) {
    const name = chance.pick(['after', 'after', 'lastEventId', 'last-event-id']);
    return readWith(chance, `${name}=${encodeURIComponent(cursor)}${channels(chance)}`);
  }
  return readWith(chance, channels(chance).slice(1), [['last-event-id', cursor]]);
}

/** A name of a channel, a type or a subject, allowed or not. */
export function oddName(chance: Chance): Input {
  const name = nameText(chance);
  return readWith(
    chance,
    `${chance.pick(['channel', 'type', 'subject'])}=${encodeURIComponent(name.toWellFormed())}`,
  );
}

/** For a cursor beyond the end, the server reads again for up to 5 s, because a replica may lag. */
const withCursorMs = 5_000 + slowMs;

function readWith(chance: Chance, query: string, headers: readonly Header[] = []): Input {
  const route = chance.pick(['events', 'events', 'stream'] as const);
  const isHeld = route === 'stream' || query.includes('wait');
  const isUnknown = [...new URLSearchParams(query).keys()].some((name) => !isKnown(name, route));
  const hasCursor = /after=|last-?event-?id=/i.test(query) || headers.length > 0;
  const expected: Partial<ExpectedAnswer> = {
    route,
    isHeld,
    statuses: isUnknown ? [400] : [200, 400, 401, 403],
    withinMs: hasCursor ? withCursorMs : slowMs,
  };
  const input = oneRequest({ target: `/api/${route}?${query}`, headers }, expected);
  return query.includes('wait')
    ? { ...input, ending: { kind: 'leave', afterMs: 60, isOverWhenAnswered: true } }
    : input;
}

const parameters: Readonly<Record<'events' | 'stream', ReadonlySet<string>>> = {
  events: new Set([
    'channel',
    'type',
    'subject',
    'latest',
    'after',
    'rewind',
    'limit',
    'wait',
    'before',
    'token',
  ]),
  stream: new Set([
    'channel',
    'type',
    'subject',
    'latest',
    'after',
    'rewind',
    'heartbeat',
    'lastEventId',
    'last-event-id',
    'token',
  ]),
};

/** Whether the route reads or ignores this parameter: a query with any other one is refused. */
function isKnown(name: string, route: 'events' | 'stream'): boolean {
  return parameters[route].has(name) || name.startsWith('_') || mayBeIgnored.test(name);
}

/** Names that can come about here by chance and that the server ignores. */
const mayBeIgnored = /^(?:\d+|t|ts|v|r|cb)$/i;

function channels(chance: Chance): string {
  return Array.from(
    { length: chance.below(3) },
    () => `&channel=public:${chance.pick(['a', 'b', 'c'])}`,
  ).join('');
}

/** Valid and invalid names. */
export function nameText(chance: Chance): string {
  return chance.pick([
    () => chance.text(1 + chance.below(130)),
    () =>
      chance.pick([
        'constructor',
        '__proto__',
        'toString',
        'hasOwnProperty',
        'NaN',
        'null',
        '0',
        '-0',
        '1e9',
      ]),
    () =>
      chance.pick([
        '',
        ' ',
        '.',
        '..',
        '../..',
        '-',
        ':',
        '~',
        '@',
        'a@b',
        'a,b',
        'a b',
        'a\nb',
        'a\0b',
        'a%00',
      ]),
    () => chance.pick(['é', '✓', '😀', '\ufeff', '\u202e', '\ud800', 'ａ', 'K', "';--", '<script>', '{{x}}']),
    () => `public:${chance.text(chance.below(100), 'ab:._-')}`,
  ])();
}

function cursorText(chance: Chance): string {
  const number = () =>
    chance.pick([
      '0',
      '1',
      '00',
      '-1',
      '1e3',
      '9007199254740991',
      '9007199254740992',
      '1'.repeat(300),
      '',
      '٣',
      '+1',
      '0x1',
    ]);
  const position = () =>
    `${chance.pick(['', '', 'feed@', 'public:a@', '@', 'a b@', '@@'])}${number()}${chance.pick(['-', '-', '-', '', '--', '–', '~'])}${number()}${chance.pick(['', '', '~abcdef', '~ABCDEF', '~', '~abcdefg', '~abc~def'])}`;
  const count = chance.once(10) ? chance.below(200) : 1 + chance.below(3);
  const text = Array.from({ length: count }, position).join(chance.pick([',', ',', ',,', ' ', ';']));
  // A header line is Latin-1, so digits of other scripts become other characters.
  return chance.once(20) ? `${text}${chance.text(3, '\u0001\u007f\u00ff\t ')}` : text;
}

function oddValue(chance: Chance): string {
  return chance.pick([
    () =>
      chance.pick([
        '',
        '0',
        '-1',
        '1',
        '21',
        '501',
        '1.5',
        '1e2',
        'NaN',
        'Infinity',
        '999999999',
        '99999999999999999999',
      ]),
    () =>
      chance.pick([
        'all',
        '10m',
        '5h',
        '0s',
        '1d',
        '999999999h',
        '-5',
        '5 m',
        '0-0',
        '1-1',
        '1-0',
        'feed@1-1',
      ]),
    () =>
      chance.pick([
        '%',
        '%E0%A4%A',
        '%zz',
        '%00',
        '%0d%0aX:%20y',
        '%FF',
        '%C0%AF',
        '%ED%A0%80',
        '%F4%90%80%80',
        '%25',
        '+',
        '%u0041',
      ]),
    () => chance.text(chance.below(60)),
    () => chance.text(chance.below(9_000), 'ab%.,~@-'),
    () => encodeURIComponent(nameText(chance).toWellFormed()),
  ])();
}
