import { writeFileSync } from 'node:fs';
import { createParser } from 'eventsource-parser';
import { describe, expect, test, vi } from 'vitest';
import { readStream, type StreamNews } from '../../lib/client/transport/sse.ts';
import { checkContinuity, type Gap, maxReplicaLagMs } from '../../lib/core/continuity.ts';
import { parsePosition } from '../../lib/core/cursor.ts';
import { FeedError, type FeedErrorCode, statusOf } from '../../lib/core/feed-error.ts';
import { parseEventId } from '../../lib/core/ids.ts';
import { type Handover, paddingFrame } from '../../lib/core/sse-frames.ts';
import { refuseStream } from '../../lib/server/http/stream-route.ts';
import { fillIn } from '../support/doc-table.ts';
import { shownPadding, stateText, streamText } from '../support/docs/exchange-examples.ts';
import { cell, codeIn, pairs, tableBelow, textBetweenMarks } from '../support/docs/markdown-table.ts';
import { grouped, plain, protocolFile, readProtocol } from '../support/docs/protocol-doc.ts';
import { makeExamples } from '../support/docs/protocol-examples.ts';
import { refusalExamples } from '../support/docs/refusal-examples.ts';

vi.mock('../../lib/config/access.ts', { spy: true });

type Question = Parameters<typeof checkContinuity>[0];

const examples = await makeExamples();
if (process.env.UPDATE_DOCS === '1') writeFileSync(protocolFile, fillIn(readProtocol(), examples));
const doc = readProtocol();

/** The examples, which `UPDATE_DOCS=1 npm test -- --project docs` writes again. */
describe('an example of the protocol', () => {
  test.each(examples)('is what the real route answers: $name', ({ name, text }) => {
    expect(textBetweenMarks(doc, name)).toBe(text);
  });

  test('stands for each code that a route answers with', () => {
    const shown = new Set<FeedErrorCode>(refusalExamples.map(({ code }) => code));
    const codes = pairs(tableBelow(doc, 'Refusals'), 'code', 'status').keys();
    expect([...codes].map(plain).filter((code) => code !== 'not-found')).toEqual([...shown]);
  });
});

describe('the examples of refusals', () => {
  const requests = refusalExamples.map(({ request }) => request).join('\n');

  test('have one for each query parameter', () => {
    const names = tableBelow(doc, 'Query parameters').map((row) => plain(cell(row, 'parameter')));
    expect(names.length).toBeGreaterThan(15);
    // A read token is refused as a token, in whatever way it comes.
    for (const name of names.filter((each) => each !== 'token'))
      expect(requests, name).toMatch(new RegExp(`[?&]${name}(=|&|\`)`));
  });

  test('have one for each member of an event', () => {
    const names = tableBelow(doc, 'Publish: `POST /api/events`').flatMap((row) =>
      codeIn(cell(row, 'member')),
    );
    expect(names).toContain('ttlSeconds');
    for (const name of names) expect(requests, name).toContain(`"${name}":`);
  });
});

describe('the table of words', () => {
  test('gives each word once', () => {
    expect(() => pairs(tableBelow(doc, 'Words'), 'word', 'meaning')).not.toThrow();
  });
});

describe('the table of continuity', () => {
  const id = (text: string) => parseEventId(text, 'id');
  const kept = (epoch: string, first: string, last: string) => ({ epoch, first: id(first), last: id(last) });

  /** A reader at `20-2~aaaaaa`, or at `0-0`, and what the log has. One or more for each row. */
  const cases: readonly (readonly Question[])[] = [
    [
      {
        position: parsePosition('20-2~aaaaaa', 'at'),
        state: kept('aaaaaa', '10-1', '30-3'),
        next: id('30-3'),
      },
      { position: parsePosition('20-2~aaaaaa', 'at'), state: kept('aaaaaa', '10-1', '20-2'), next: null },
    ],
    [{ position: parsePosition('0-0', 'at'), state: null, next: null }],
    [
      {
        position: parsePosition('20-2~aaaaaa', 'at'),
        state: kept('aaaaaa', '40-4', '50-5'),
        next: id('40-4'),
      },
    ],
    [
      {
        position: parsePosition('20-2~aaaaaa', 'at'),
        state: kept('bbbbbb', '15-1', '30-3'),
        next: id('30-3'),
      },
    ],
    [{ position: parsePosition('20-2~aaaaaa', 'at'), state: null, next: null }],
    [{ position: parsePosition('20-2~aaaaaa', 'at'), state: kept('aaaaaa', '10-1', '10-1'), next: null }],
    [
      {
        position: parsePosition('20-2~aaaaaa', 'at'),
        state: kept('aaaaaa', '10-1', '30-2'),
        next: id('30-2'),
      },
    ],
  ];

  /** The words that the row must have. */
  function wordsFor(question: Question): readonly string[] {
    const verdict = checkContinuity(question);
    if (verdict.kind === 'continue') return ['no gap'];
    const loss = verdict.kind === 'stale' ? verdict.otherwise : verdict;
    return [
      `gap \`${loss.reason}\``,
      ...(verdict.kind === 'stale' ? [`reads again for up to ${maxReplicaLagMs / 1_000} s`] : []),
      ...(loss.missed === null ? [] : ['`missed` is the exact number']),
      ...(loss.resumesAt === null ? ['`resumesAt`'] : []),
    ];
  }

  test('says what the one rule says', () => {
    const answers = tableBelow(doc, 'Continuity').map((row) => cell(row, 'the reader gets'));
    expect(answers).toHaveLength(cases.length);
    for (const [index, answer] of answers.entries()) {
      for (const question of cases[index] ?? []) {
        const words = wordsFor(question);
        expect(
          words.filter((word) => !answer.includes(word)),
          answer,
        ).toEqual([]);
        expect(answer.includes('`resumesAt`'), answer).toBe(words.includes('`resumesAt`'));
      }
    }
  });
});

describe('the table of refusals', () => {
  /** Type-checked to name every code. */
  const codes: Readonly<Record<FeedErrorCode, true>> = {
    'bad-request': true,
    unauthorized: true,
    forbidden: true,
    'publishing-off': true,
    'not-found': true,
    'method-not-allowed': true,
    'channel-ended': true,
    'too-many-subjects': true,
    'too-large': true,
    'unsupported-media-type': true,
    'data-does-not-fit': true,
    'key-reused': true,
    'rate-limited': true,
    'internal-error': true,
    stopping: true,
    'too-many-streams': true,
    'log-unavailable': true,
    'access-unavailable': true,
    misconfigured: true,
  };

  /** The seconds to wait when chance is least and when it is most. */
  function retryAfter(code: FeedErrorCode): string {
    const found = [0, 0.999_999].map((random) => {
      const chance = vi.spyOn(Math, 'random').mockReturnValue(random);
      const text = refuseStream(new FeedError(code, ''), null).headers.get('retry-after');
      chance.mockRestore();
      return text;
    });
    const [least, most] = found;
    if (least === null) return '–';
    return least === most ? `${least} s` : `${least} to ${most} s`;
  }

  test('has the status, the title and the time to come back of every code', async () => {
    const names = Object.keys(codes) as FeedErrorCode[];
    const rows = names.map(async (code) => {
      const { title } = await refuseStream(new FeedError(code, ''), null).json();
      return {
        code: `\`${code}\``,
        status: String(statusOf(code)),
        title,
        '`Retry-After`': retryAfter(code),
      };
    });
    const written = tableBelow(doc, 'Refusals').map(({ when: _, ...row }) => row);
    expect(written).toEqual(await Promise.all(rows));
  });
});

describe('the table of frames', () => {
  const rows = tableBelow(doc, 'Stream: `GET /api/stream`');

  type Told = { readonly event: string; readonly members: readonly string[] };

  function readFrames(text: string): readonly Told[] {
    const told: Told[] = [];
    const parser = createParser({
      onEvent: ({ event, data }) =>
        told.push({ event: event ?? '–', members: Object.keys(JSON.parse(data)) }),
    });
    parser.feed(text);
    return told;
  }

  test('has the name and the members of every frame that the server writes', async () => {
    const { text } = await streamText();
    const [, refused = ''] = textBetweenMarks(doc, 'example: refused').split('\n\n');
    const told = readFrames(`${await stateText()}${text}${refused.replace('```', '')}\n\n`);
    const real = new Map(told.map(({ event, members }) => [event, members.join(', ')]));
    const written = rows.filter((row) => !['padding', 'lone comment', 'last'].includes(cell(row, 'frame')));
    const found = written.map((row) => [
      plain(cell(row, '`event:`')),
      codeIn(cell(row, 'members of `data`')).join(', '),
    ]);
    expect(new Map(found as [string, string][])).toEqual(real);
  });

  test('has every reason of a gap and of a handover', () => {
    /** Type-checked to name every reason. */
    const gap: Readonly<Record<Gap['reason'], true>> = { trimmed: true, restarted: true };
    const handover: Readonly<Record<Handover['reason'], true>> = {
      deadline: true,
      stopping: true,
      token: true,
      quiet: true,
    };
    const reasonsIn = (member: string) => {
      const line = doc.split('\n').find((each) => each.startsWith(`| ${member} |`));
      return codeIn(line ?? '').slice(1);
    };
    expect(reasonsIn('`reason` of a gap')).toEqual(Object.keys(gap));
    expect(reasonsIn('`reason` of a handover')).toEqual(Object.keys(handover));
  });

  test('is right about the padding', () => {
    const when = cell(rows[0] ?? {}, 'when');
    expect(when).toContain(`a comment of ${grouped(paddingFrame.length)} bytes`);
    expect(when).toContain(`${grouped(paddingFrame.length - 3)} spaces`);
    expect(shownPadding).toContain(`${grouped(paddingFrame.length - 3)} spaces`);
    expect(paddingFrame).toBe(`:${' '.repeat(paddingFrame.length - 3)}\n\n`);
  });

  test.each([
    [
      'example: stream',
      ['orders'],
      // The times of one chunk come after its frames.
      ['hello', ...Array(4).fill('item'), 'heartbeat', 'handover', ...Array(4).fill('time')],
    ],
    ['example: two channels', ['orders', 'feed'], ['hello', 'item']],
    ['example: refused', ['feed'], ['refused']],
  ])('has examples that the real client reads: %s', async (name, channels, kinds) => {
    const frames = textBetweenMarks(doc, name)
      .replace(/```\w*/g, '')
      .split('\n\n')
      .slice(1)
      .join('\n\n');
    const news: StreamNews[] = [];
    const headers = { 'content-type': 'text/event-stream' };
    await readStream(
      {
        address: 'http://feed.test/api/stream',
        token: null,
        channels,
        signal: new AbortController().signal,
        fetch: async () => new Response(`${frames}\n\n`, { headers }),
        now: () => 0,
      },
      (told) => void news.push(...told),
    );
    expect(news.flatMap((each) => (each.kind === 'frame' ? [each.frame.kind] : []))).toEqual(kinds);
    expect(news.at(-1)?.kind).toBe('ended');
  });
});
