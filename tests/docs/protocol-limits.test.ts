import { maxHeaderSize } from 'node:http';
import { describe, expect, test } from 'vitest';
import { maxReplicaLagMs } from '../../lib/core/continuity.ts';
import { isName, isSubject, readEventId } from '../../lib/core/ids.ts';
import { paddingFrame } from '../../lib/core/sse-frames.ts';
import { answerWithinMs, keyLifeMs, maxAppend, readBudgetBytes } from '../../lib/log/event-log.ts';
import { lockPatienceMs } from '../../lib/log/sqlite/errors.ts';
import { maxWaitingCharacters } from '../../lib/log/sqlite/step-queue.ts';
import { maxOpen, maxSubscriptionsBesides, publishLimits } from '../../lib/server/admission.ts';
import { accessLimitMs, checkReadAccess } from '../../lib/server/http/access.ts';
import { logTimeoutMs } from '../../lib/server/http/health-route.ts';
import { maxBodyBytes, maxBodyMs, maxDrainBytes } from '../../lib/server/http/publish-body.ts';
import { parsePageQuery, parseStreamQuery } from '../../lib/server/http/read-query.ts';
import { firstAnswerMs, restCloseMs } from '../../lib/server/http/stream-route.ts';
import { forceMs } from '../../lib/server/node/process.ts';
import {
  bodyLimits,
  pipelineLimits,
  requestTimeouts,
  stallLimits,
} from '../../lib/server/node/socket-limits.ts';
import { stopMs } from '../../lib/server/runtime.ts';
import { maxEventBytes, maxTtlSeconds } from '../../lib/server/store-events.ts';
import { planDeadline, plannedRetryMs, unplannedRetryMs } from '../../lib/server/stream/deadline.ts';
import {
  graceShare,
  logFailureLimitMs,
  loneCommentAfterMs,
  timeAfterHelloMs,
} from '../../lib/server/stream/event-stream.ts';
import { maxChunkBytes } from '../../lib/server/stream/frames.ts';
import { pairs, tableBelow } from '../support/docs/markdown-table.ts';
import { grouped, isAccepted, readProtocol } from '../support/docs/protocol-doc.ts';
import { secret, sign } from '../support/server/closed-stand.ts';
import { makeStand } from '../support/server/stand.ts';

const doc = readProtocol();

const bytes = (number: number) => `${grouped(number)} bytes`;
const seconds = (ms: number) => `${grouped(ms / 1_000)} s`;

/** The largest whole number up to `most` for which `isAllowed` holds; it holds from 1 on. */
function largest(most: number, isAllowed: (number: number) => boolean): number {
  let number = most;
  while (number > 0 && !isAllowed(number)) number -= 1;
  return number;
}

describe('the table of limits', () => {
  /** The longest `Idempotency-Key`: of one that is too long, the body is not even read. */
  async function longestKey(): Promise<number> {
    const isKey = async (length: number) => {
      const headers = { 'content-type': 'application/json', 'idempotency-key': 'k'.repeat(length) };
      return (
        (await makeStand().ask('events', { method: 'POST', headers, body: '{"data":1}' })).status === 201
      );
    };
    let length = 0;
    while (length < 1_000 && (await isKey(length + 1))) length += 1;
    return length;
  }

  async function tokenSeconds(): Promise<number> {
    const stand = makeStand();
    const exp = Math.floor(stand.clock.now() / 1_000) + 60;
    const token = await sign(stand, { channels: ['*'], exp });
    const request = new Request('http://feed.test/', { headers: { authorization: `Bearer ${token}` } });
    const { clock } = stand;
    const settings = { readTokenSecret: secret };
    const { endsAt } = await checkReadAccess(request, ['a'], { settings, clock });
    return (endsAt ?? 0) - exp * 1_000;
  }

  const isPage = (query: string) => isAccepted(() => parsePageQuery(new URLSearchParams(query)));
  const isStream = (query: string) => isAccepted(() => parseStreamQuery(new URLSearchParams(query), null));
  const heartbeatOf = (seconds: number) =>
    Array.from({ length: 1_000 }, (_, index) => Math.abs(seconds - index)).find((each) =>
      isStream(`heartbeat=${each}`),
    );
  const named = (name: string) => (count: number) =>
    isPage(Array.from({ length: count }, (_, index) => `${name}=n${index}`).join('&'));
  const burst = (publishRate: number) =>
    publishLimits(new Request('http://feed.test/'), { publishRate, publishToken: 't', isVercel: true })[0]
      ?.burst;
  const closes = (limit: number) => grouped(planDeadline(limit, 0).closesInMs);
  const margin = (limit: number) => limit - planDeadline(limit, 0).handoverInMs / 1_000;
  const jitter = (limit: number) =>
    Math.round((planDeadline(limit, 0).handoverInMs - planDeadline(limit, 1).handoverInMs) / 1_000);
  const idOf = (time: number | bigint) => readEventId(`${time}-1`);

  /** Bytes of the longest line of a stream: of the largest event, whose characters all grow threefold when escaped. */
  async function longestLine(): Promise<number> {
    const stand = makeStand();
    const name = 'n'.repeat(100);
    const wrapped = JSON.stringify({ channel: name, type: name, data: '' });
    const data = '\u0085'.repeat((maxEventBytes - wrapped.length) / 2);
    const body = JSON.stringify({ channel: name, type: name, data });
    const headers = { 'content-type': 'application/json' };
    const post = (text: string) => stand.ask('events', { method: 'POST', headers, body: text });
    expect((await post(body)).status).toBe(201);
    expect((await post(body.replace('\u0085', '\u0085\u0085'))).status).toBe(413);
    const reader = (await stand.ask(`stream?channel=${name}&rewind=all`)).body?.getReader();
    let text = '';
    while (!text.includes('\ndata: {"id"') || !text.endsWith('\n\n')) {
      const chunk = await reader?.read();
      if (chunk?.value === undefined) throw new Error(`the stream ended without an event: ${text}`);
      text += new TextDecoder().decode(chunk.value);
    }
    await reader?.cancel();
    return Math.max(...text.split('\n').map((line) => Buffer.byteLength(line)));
  }

  test('is equal to what the code has', async () => {
    const limitOf = largest(1_000, (limit) => isPage(`limit=${limit}`));
    const biggest = BigInt(Number.MAX_SAFE_INTEGER);
    expect([idOf(biggest) !== null, idOf(biggest + 1n)]).toEqual([true, null]);
    const { stallMs, bytesPerSecond } = stallLimits;
    const expected: Readonly<Record<string, string>> = {
      'events in one publish request': `1 to ${maxAppend}`,
      'body of a publish request': bytes(maxBodyBytes),
      'body that the server reads and drops beyond that': bytes(maxDrainBytes),
      'time until the body is complete': seconds(maxBodyMs),
      'one event as JSON: channel, type, subject and data': bytes(maxEventBytes),
      '`Idempotency-Key`': `1 to ${await longestKey()} characters`,
      'memory of an idempotency key': `${keyLifeMs / 3_600_000} h`,
      'events at once under `PUBLISH_RATE`': `${(burst(1_000) ?? 0) / 1_000} s worth, at least ${burst(1)}`,
      'name of a channel or type': `1 to ${largest(1_000, (length) => isName('n'.repeat(length)))} characters`,
      'time and seq of an id': grouped(Number.MAX_SAFE_INTEGER),
      'channels in one request': String(largest(200, named('channel'))),
      'types in one request': String(largest(200, named('type'))),
      'subjects in one request': String(largest(200, named('subject'))),
      subject: `1 to ${largest(1_000, (length) => isSubject('n'.repeat(length)))} characters`,
      '`ttlSeconds`': `1 to ${grouped(maxTtlSeconds)} s`,
      'number in `rewind`': `${largest(30, (digits) => isPage(`rewind=${'9'.repeat(digits)}`))} digits`,
      '`limit`': `1 to ${limitOf}`,
      '`heartbeat`': `${heartbeatOf(0)} to ${heartbeatOf(1_000)} s`,
      '`rest`': `${largest(1, (rest) => isPage(`rest=${rest}`))} to ${largest(100, (rest) => isPage(`rest=${rest}`))} s`,
      '`wait`': `0 to ${largest(100, (wait) => isPage(`wait=${wait}`))} s`,
      'events in one page': `about ${bytes(readBudgetBytes)}`,
      padding: bytes(paddingFrame.length),
      'one line of a stream': `at most ${bytes(Math.ceil((await longestLine()) / 10_000) * 10_000)}`,
      'one chunk of a stream': `about ${bytes(maxChunkBytes)}`,
      'lone comment after other frames': `${loneCommentAfterMs} ms`,
      'lone comment after hello': `${timeAfterHelloMs / 1_000} s`,
      'wait for the log before the first byte of a stream': seconds(firstAnswerMs),
      'wait for the log before hello': seconds(answerWithinMs),
      'wait for one answer of Redis': seconds(answerWithinMs),
      'failure of the log that an open stream survives': seconds(logFailureLimitMs),
      'reading again when the log may lag': seconds(maxReplicaLagMs),
      "margin before the platform's limit": `${margin(5)} to ${margin(86_400)} s`,
      'jitter of the handover': `0 to ${jitter(86_400)} s`,
      'handover to end, reason `deadline` or `token`': `${closes(5)} to ${closes(86_400)} ms`,
      'handover to end, reason `stopping`': `${grouped(stopMs.own)} ms; on Vercel ${stopMs.platform} ms`,
      'handover to end, reason `quiet`': `${grouped(restCloseMs)} ms`,
      'extra time at the end for a reader that does not read': `${graceShare * 100} %`,
      'exit after SIGTERM': seconds(forceMs),
      '`retry:` in hello': `${grouped(unplannedRetryMs(0))} to ${grouped(unplannedRetryMs(1))} ms`,
      '`retry:` at a planned end': `${grouped(plannedRetryMs(0))} to ${grouped(plannedRetryMs(1))} ms`,
      'read token accepted after `exp`': seconds(await tokenSeconds()),
      'wait of the health check for the log': seconds(logTimeoutMs),
      'wait for the app to decide who may read or publish': seconds(accessLimitMs),
      'wait of a request while another process has locked the file of the embedded log':
        seconds(lockPatienceMs),
      'data of the publish requests that wait for the embedded log': `${grouped(maxWaitingCharacters)} characters`,
      'streams, waiting polls and subscriptions of a process': `${maxOpen}; off Vercel \`STREAM_MAX_CONNECTIONS\` + ${maxSubscriptionsBesides} if that is more`,
      'self-hosted: head of a request': `${bytes(maxHeaderSize)}, ${seconds(requestTimeouts.headersTimeout)}`,
      'self-hosted: whole request': seconds(requestTimeouts.requestTimeout),
      'self-hosted: bytes of one request on its connection': bytes(bodyLimits.maxBytes),
      'self-hosted: rest of a body after the answer': seconds(bodyLimits.afterResponseMs),
      'self-hosted: unanswered requests on one connection': String(pipelineLimits.most),
      'self-hosted: the answer that was begun, on a connection with more': seconds(pipelineLimits.answerMs),
      'self-hosted: reader that takes nothing': `${seconds(stallMs)}, and 1 s for every ${bytes(bytesPerSecond)} that wait`,
    };
    expect(Object.fromEntries(pairs(tableBelow(doc, 'Limits'), 'limit', 'value'))).toEqual(expected);
  });
});
