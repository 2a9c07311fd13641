import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import type { Environment } from '../../../lib/config/settings.ts';
import { paddingFrame, version } from '../../../lib/core/sse-frames.ts';
import { shownPadding } from '../../support/docs/exchange-examples.ts';
import { refusalExamples } from '../../support/docs/refusal-examples.ts';
import { makeStand, type Stand } from '../../support/server/stand.ts';

vi.mock('../../../lib/config/access.ts', { spy: true });

/*
 * Answers as the server wrote them before events had subjects and channels had ends. A reader or publisher that does not ask
 * for these sees the same bytes. `RECORD_WIRE=1 npm test -- --project server tests/server/http/recorded-wire.test.ts` records
 * them again: only for a change that every reader is to see.
 */
const file = join(import.meta.dirname, 'recorded-wire.txt');

type Exchange = { readonly env?: Environment; readonly ask: (stand: Stand) => Promise<readonly Response[]> };

const json = { 'content-type': 'application/json' };
const post = (stand: Stand, body: string, headers: Record<string, string> = json) =>
  stand.ask('events', { method: 'POST', headers, body });

/** Publishes five events over HTTP, one second apart: three of `orders`, two types, and two of `feed`. */
async function publishFive(stand: Stand): Promise<void> {
  await post(stand, '{"channel":"orders","type":"order.paid","data":{"order":1}}');
  await stand.clock.advance(1_000);
  await post(stand, '[{"channel":"orders","data":"a\\u2028b"},{"data":null}]');
  await stand.clock.advance(1_000);
  await post(stand, '[{"channel":"orders","type":"note","data":[2.5,"é"]},{"type":"note","data":{}}]');
  await stand.clock.advance(1_000);
}

/** Opens streams, lets `happen` take place, and reads them to their planned end. */
function streams(queries: readonly string[], happen: (stand: Stand) => Promise<void>): Exchange['ask'] {
  return async (stand) => {
    await publishFive(stand);
    const opened = queries.map((query) => stand.ask(`stream?${query}`));
    const bodies = opened.map(async (response) => ({
      response: await response,
      body: (await response).text(),
    }));
    await stand.clock.advance(1_500);
    await happen(stand);
    await stand.clock.advance(30_000);
    return Promise.all(
      bodies.map(async (reading) => {
        const { response, body } = await reading;
        return new Response(await body, response);
      }),
    );
  };
}

const limit = { STREAM_MAX_SECONDS: '30' };

function pages(...queries: readonly string[]): Exchange['ask'] {
  return async (stand) => {
    await publishFive(stand);
    const at = stand.cursorAtEnd('orders');
    const [first] = stand.memory.kept('orders');
    const start = `${first?.id.time}-1~${first?.epoch}`;
    const answers: Response[] = [];
    for (const query of queries) {
      const asked = stand.ask(`events?${query.replace('END', at).replace('START', start)}`);
      await stand.clock.advance(1_000);
      answers.push(await asked);
    }
    return answers;
  };
}

const exchanges: Readonly<Record<string, Exchange>> = {
  'a stream from now, with events of its channel': {
    env: limit,
    ask: streams(['channel=orders'], async (stand) => {
      await post(stand, '[{"channel":"orders","data":1},{"channel":"orders","data":2}]');
    }),
  },
  'a stream of everything that the log keeps': {
    env: limit,
    ask: streams(['channel=orders&rewind=all', 'channel=orders&rewind=1'], async () => undefined),
  },
  'a stream of two channels and one type': {
    env: limit,
    ask: streams(
      [
        'channel=orders&channel=feed&rewind=all',
        'channel=orders&channel=feed&type=note&type=order.paid&rewind=all',
      ],
      async (stand) => {
        await post(stand, '[{"channel":"orders","type":"order.paid","data":3},{"type":"note","data":4}]');
      },
    ),
  },
  'a stream after a cursor whose events are trimmed': {
    env: limit,
    async ask(stand) {
      await publishFive(stand);
      const [first] = stand.memory.kept('orders');
      stand.memory.trim('orders', 1);
      const text = (
        await stand.ask(`stream?channel=orders&after=${first?.id.time}-1~${first?.epoch}`)
      ).text();
      await stand.clock.advance(30_000);
      return [new Response(await text)];
    },
  },
  'a stream whose log is lost and starts again': {
    env: limit,
    ask: streams(['channel=orders'], async (stand) => {
      stand.memory.empty('orders');
      await post(stand, '{"channel":"orders","data":"new"}');
    }),
  },
  'a stream of a reader that can rest': {
    env: { QUIET_SECONDS: '5' },
    ask: streams(['quiet=0'], async () => undefined),
  },
  'a stream of a log that fails': {
    ask: streams(['channel=orders'], async (stand) => {
      stand.log.isDown = true;
      stand.log.cut();
      await stand.clock.advance(5_000);
    }),
  },
  'the headers of a stream': {
    async ask(stand) {
      return Promise.all([
        stand.ask('stream', { method: 'HEAD' }),
        stand.ask('stream', { method: 'HEAD', headers: { authorization: 'Bearer x' } }),
      ]);
    },
  },
  'pages after a cursor': {
    ask: pages(
      'channel=orders&after=START',
      'channel=orders&after=START&limit=1',
      'channel=orders&after=END',
      'channel=orders&after=0-0&type=order.paid',
      'channel=orders&channel=feed&after=orders@START',
    ),
  },
  'pages of a rewind': {
    ask: pages('rewind=all', 'rewind=1', 'channel=orders&rewind=2s', 'channel=none&rewind=all', ''),
  },
  'pages of history': {
    ask: pages('channel=orders&before=9007199254740991-1&limit=1', 'before=9-9'),
  },
  'a poll that waits': {
    ask: pages('channel=orders&after=END&wait=1', 'channel=orders&after=START&wait=20'),
  },
  'a poll of a reader at rest': {
    env: { QUIET_SECONDS: '60' },
    ask: pages('channel=orders&after=END&rest=30'),
  },
  'a page with gaps': {
    async ask(stand) {
      await publishFive(stand);
      const [first] = stand.memory.kept('orders');
      const start = `${first?.id.time}-1~${first?.epoch}`;
      stand.memory.trim('orders', 1);
      return [
        await stand.ask(`events?channel=orders&after=${start}`),
        await stand.ask('events?channel=orders&after=1-1~aaaaaa'),
        await stand.ask('events?channel=none&after=1-1~aaaaaa'),
      ];
    },
  },
  'a page that the client has': {
    async ask(stand) {
      const etag = (await stand.ask('events')).headers.get('etag') ?? '';
      return [
        await stand.ask('events', { headers: { 'if-none-match': etag } }),
        await stand.ask('events', { method: 'HEAD' }),
      ];
    },
  },
  'publish requests': {
    async ask(stand) {
      const keyed = { ...json, 'idempotency-key': 'k' };
      return [
        await post(stand, '{"data":1}'),
        await post(
          stand,
          '[{"channel":"a","type":"t","data":1},{"channel":"b","data":2},{"channel":"a","data":3}]',
          keyed,
        ),
        await post(
          stand,
          '[{"channel":"a","type":"t","data":1},{"channel":"b","data":2},{"channel":"a","data":3}]',
          keyed,
        ),
        await post(stand, '{"data":1}', keyed),
        await post(stand, '{"data":1}\n\n{"data":2}\n', { 'content-type': 'application/x-ndjson' }),
      ];
    },
  },
  'the state of the process': {
    async ask(stand) {
      const before = await stand.ask('health');
      stand.log.isDown = true;
      return [before, await stand.ask('health')];
    },
  },
  'requests of other methods': {
    env: { ALLOWED_ORIGINS: 'https://app.example' },
    async ask(stand) {
      const headers = { origin: 'https://app.example' };
      const options = ['events', 'stream', 'health'].map((path) =>
        stand.ask(path, { method: 'OPTIONS', headers }),
      );
      return Promise.all([
        ...options,
        stand.ask('events', { method: 'PUT' }),
        stand.ask('events', { headers }),
      ]);
    },
  },
};

/** The refusals of the protocol's document, by their request. */
const refusals = new Map(refusalExamples.map(({ request, ask }) => [`refused: ${request}`, ask]));

async function textOf(response: Response): Promise<string> {
  const headers = [...response.headers].map(([name, value]) => `${name}: ${value}\n`).join('');
  const body = (await response.text())
    .replace(paddingFrame, shownPadding)
    .replaceAll(`"version":"${version}"`, '"version":"VERSION"')
    // Lists that grow with the protocol.
    .replace(/Use only: [^.]*\./, 'Use only: ….')
    .replace(/An event has [^.]*\./, 'An event has ….');
  return `${response.status}\n${headers}\n${body}\n`;
}

async function answersTo(name: string): Promise<string> {
  const chance = vi.spyOn(Math, 'random').mockReturnValue(0);
  try {
    const answers = await exchangeOf(name);
    return (await Promise.all(answers.map(textOf))).join('\n---\n');
  } finally {
    chance.mockRestore();
  }
}

async function exchangeOf(name: string): Promise<readonly Response[]> {
  const refuse = refusals.get(name);
  if (refuse !== undefined) return [await refuse()];
  const exchange = exchanges[name];
  if (exchange === undefined) throw new Error(`There is no exchange "${name}". The recording has it.`);
  return exchange.ask(makeStand({ env: exchange.env ?? {} }));
}

const heading = (name: string) => `\n=== ${name}\n\n`;

function readRecording(): ReadonlyMap<string, string> {
  const sections = readFileSync(file, 'utf8')
    .split(/\n=== (.*)\n\n/)
    .slice(1);
  return new Map(sections.flatMap((text, at) => (at % 2 === 0 ? [[text, sections[at + 1] ?? '']] : [])));
}

if (process.env.RECORD_WIRE === '1') {
  const sections: string[] = [];
  for (const name of readRecording().keys()) sections.push(heading(name), await answersTo(name));
  writeFileSync(file, sections.join(''));
}
const recorded = readRecording();

describe('the wire of a reader that asks for nothing new', () => {
  test('was recorded for all of these exchanges, and for the refusals of that time', () => {
    const names = [...recorded.keys()];
    expect(names.filter((name) => !name.startsWith('refused: '))).toEqual(Object.keys(exchanges));
    expect(names.length - Object.keys(exchanges).length).toBe(51);
  });

  test.each([...recorded.keys()])('is what it was: %s', async (name) => {
    expect(await answersTo(name)).toBe(recorded.get(name));
  });
});
