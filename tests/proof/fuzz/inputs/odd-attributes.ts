import type { Chance } from '../chance.ts';
import type { Input } from '../plan.ts';
import { oneRequest } from '../request.ts';
import { nameText } from './odd-query.ts';
import { contentTypeOf, publisher } from './valid-publish.ts';

/** The channel whose events are about something. */
export const stateChannel = 'public:state';

/**
 * Events with a subject, with a time to live, that remove or that end their channel, right or wrong. A channel that ends is one
 * of its own: who publishes there again is refused.
 */
export function oddAttributes(chance: Chance, number: number): Input {
  const isRight = chance.once(2);
  const members = isRight ? rightMembers(chance) : oddMembers(chance);
  const ends = members.some(([name, value]) => name === 'end' && value === 'true');
  const channel = ends ? `public:end.${number}` : stateChannel;
  const text = [
    `"channel":"${channel}"`,
    ...members.map(([name, value]) => `"${name}":${value}`),
    '"data":null',
  ];
  const bytes = Buffer.from(`{${text.join(',')}}`);
  const body = { form: 'json', bytes } as const;
  return oneRequest(
    { method: 'POST', target: '/api/events', headers: [publisher, contentTypeOf(body)], body: bytes },
    { statuses: isRight ? [201] : [201, 400], body },
  );
}

type Members = readonly (readonly [name: string, value: string])[];

function rightMembers(chance: Chance): Members {
  const subject = JSON.stringify(chance.once(9) ? 's'.repeat(200) : `s${chance.below(30)}`);
  return chance.pick<Members>([
    [['subject', subject]],
    [
      ['subject', subject],
      ['ttlSeconds', String(chance.pick([1, 2, 60, 2_592_000]))],
    ],
    [
      ['subject', subject],
      ['remove', 'true'],
    ],
    [
      ['subject', subject],
      ['remove', 'false'],
      ['end', 'false'],
    ],
    [['end', 'true']],
    [
      ['subject', subject],
      ['remove', 'true'],
      ['end', 'true'],
    ],
  ]);
}

const oddValues = [
  'true',
  'false',
  'null',
  '0',
  '-1',
  '1.5',
  '1e3',
  '2592001',
  '9007199254740991',
  '""',
  '"1"',
  '"true"',
  '[]',
  '{}',
] as const;

function oddMembers(chance: Chance): Members {
  return Array.from({ length: 1 + chance.below(4) }, () => {
    const name = chance.pick(['subject', 'remove', 'ttlSeconds', 'end', 'ttlMs', 'expiresAt', 'Subject']);
    const value = chance.once(3) ? JSON.stringify(nameText(chance).toWellFormed()) : chance.pick(oddValues);
    return [name, value] as const;
  });
}
