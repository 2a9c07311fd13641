import type { Chance } from '../chance.ts';
import type { Input, PublishBody } from '../plan.ts';
import { expectAnswer, type Header, oneRequest, requestBytes } from '../request.ts';
import { fuzzSecrets } from '../secrets.ts';

/** Channels that valid requests publish to and read. */
export const knownChannels = ['feed', 'public:a', 'public:b', 'private-1', '123'] as const;

export const publisher: Header = ['authorization', `Bearer ${fuzzSecrets.publishToken}`];

/** A request that must be stored: 1 to 5 events, in either format, with or without chunks and an idempotency key. */
export function validPublish(chance: Chance, number: number): Input {
  const events = Array.from({ length: chance.once(3) ? 1 + chance.below(5) : 1 }, (_, index) => ({
    channel: chance.pick(knownChannels),
    type: chance.pick(['message', 'note']),
    data: { number, index, text: chance.text(chance.below(200), 'aé✓😀\u2028\u0000"\\ ') },
  }));
  const body = formOf(chance, events);
  const request = {
    method: 'POST',
    target: '/api/events',
    body: body.bytes,
    headers: [publisher, contentTypeOf(body)],
    ...(chance.once(4) ? { chunkSizes: [1 + chance.below(40), 7] } : {}),
  };
  const expected = { method: 'POST', statuses: [201], body };
  if (!chance.once(4)) return oneRequest(request, expected);
  // Sent twice without waiting: the first one stores, the other one gets the same answer.
  const key: Header = ['idempotency-key', `key-${number}`];
  const bytes = requestBytes({ ...request, headers: [...request.headers, key] });
  const twice = expectAnswer({ ...expected, statuses: [201, 200] });
  return {
    parts: [bytes, bytes],
    keepsConnection: true,
    expectedAnswers: [twice, twice],
    ending: { kind: 'answers' },
  };
}

export function contentTypeOf({ form }: PublishBody): Header {
  return ['content-type', form === 'json' ? 'application/json' : 'application/x-ndjson'];
}

function formOf(chance: Chance, events: readonly object[]): PublishBody {
  if (chance.once(3)) {
    const lines = events.map((event) => `${JSON.stringify(event)}${chance.pick(['\n', '\r\n', '\n\n'])}`);
    return { form: 'lines', bytes: Buffer.from(lines.join('')) };
  }
  const [first] = events;
  return {
    form: 'json',
    bytes: Buffer.from(JSON.stringify(events.length === 1 && chance.once(2) ? first : events)),
  };
}
