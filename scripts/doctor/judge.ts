import type { EndProbe, EventProbe, LongPollProbe, PollProbe, ReaderProbe, Timed } from './probes.ts';
import type { StreamRecord } from './raw-stream.ts';
import { type Answer, isRefusalOfFeed } from './target.ts';

/** What can stand in the way. `advice.ts` says for each what to change. */
export type Obstacle =
  | 'not-the-feed'
  | 'no-process'
  | 'no-answer'
  | 'log-failed'
  | 'evicts'
  | 'two-builds'
  | 'publishing'
  | 'open-publishing'
  | 'strips-authorization'
  | 'clock'
  | 'refuses-streams'
  | 'whole-answers'
  | 'compresses'
  | 'holds'
  | 'blocks'
  | 'trickles'
  | 'one-behind'
  | 'late'
  | 'idle-limit'
  | 'loses-silently'
  | 'ends-early'
  | 'breaks'
  | 'one-connection'
  | 'strips-last-event-id'
  | 'stale-polls'
  | 'cuts-polls'
  | 'rate-limit'
  | 'no-gap'
  | 'no-end'
  | 'loses-events';

/** The result of one check. */
export type Finding = {
  readonly check: string;
  /** `note`: something is unusual, and the feed copes. `skipped`: it could not be looked at; `found` says why. */
  readonly verdict: 'pass' | 'note' | 'fail' | 'skipped';
  /** What was seen, in one line. */
  readonly found: string;
  readonly obstacle: Obstacle | null;
};

const pass = (check: string, found: string): Finding => ({ check, verdict: 'pass', found, obstacle: null });
const skipped = (check: string, found: string): Finding => ({
  check,
  verdict: 'skipped',
  found,
  obstacle: null,
});
const note = (check: string, obstacle: Obstacle, found: string): Finding => ({
  check,
  verdict: 'note',
  found,
  obstacle,
});
const fail = (check: string, obstacle: Obstacle, found: string): Finding => ({
  check,
  verdict: 'fail',
  found,
  obstacle,
});

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
const helloOf = ({ frames }: StreamRecord) => frames.find(({ kind }) => kind === 'hello');
const statusOf = (answer: Answer | null) => (answer === null ? 'no answer' : `status ${answer.status}`);

/**
 * Whether this is the feed at all. Null: nothing else can be looked at.
 * @param failure why no answer came; null if one came.
 */
/**
 * @param failure why there was no answer.
 * @param page the answer to a request for a page, if health says that the log does not answer: it says why.
 */
export function judgeHealth(
  health: Answer | null,
  failure: string | null = null,
  page: Answer | null = null,
): Finding {
  const check = 'health';
  if (health === null) return fail(check, 'no-answer', `no answer: ${failure ?? 'the reason is unknown'}`);
  const { version, status, log } = Object(health.json);
  if (typeof version === 'string') {
    const { kind } = Object(log);
    const found = `version ${version}, log ${kind}, answered in ${health.ms} ms`;
    if (status !== 'ok') return fail(check, 'log-failed', `${reasonOf(page)} (${found})`);
    return pass(check, found);
  }
  if (isRefusalOfFeed(health)) {
    return fail(check, 'log-failed', `the server says: ${String(Object(health.json).detail)}`);
  }
  if (health.status === 502 || health.status === 504) {
    return fail(check, 'no-process', `${statusOf(health)}: the proxy reaches no process of the feed`);
  }
  const type = health.headers.get('content-type') ?? 'no type';
  return fail(
    check,
    'not-the-feed',
    `${statusOf(health)} with ${type}: something other than the feed has answered`,
  );
}

/** @returns nothing for a log that cannot evict. */
export function judgeEviction(health: Answer): readonly Finding[] {
  const check = 'eviction';
  const { kind, mayEvict } = Object(Object(health.json).log);
  if (mayEvict === true)
    return [fail(check, 'evicts', 'Redis deletes whole channels when its memory is full')];
  if (kind === 'redis-tcp') return [pass(check, 'Redis does not say that it would delete channels')];
  return kind === 'redis'
    ? [skipped(check, 'look in the console of Upstash: Details, Eviction must be off')]
    : [];
}

/** Why the log fails, in the words of the server. */
function reasonOf(page: Answer | null): string {
  const { detail } = Object(page?.json);
  return typeof detail === 'string' ? detail : 'The log does not answer.';
}

/** @param nowMs this machine's clock when the answer came. */
export function judgeClock(health: Answer, nowMs: number): Finding {
  const check = 'clock';
  const date = Date.parse(health.headers.get('date') ?? '');
  if (Number.isNaN(date)) return skipped(check, 'the answer has no date');
  // A date has whole seconds.
  const offMs = Math.abs(nowMs - health.ms / 2 - (date + 500));
  const found = `the server's clock and this one differ by ${offMs < 1_500 ? 'less than 1.5 s' : seconds(offMs)}`;
  return offMs < 5_000 ? pass(check, found) : note(check, 'clock', found);
}

export type PublishAnswers = {
  /** Without a token, with a wrong one, and with the one that the doctor was given. Null: no answer. */
  readonly without: Answer | null;
  readonly wrong: Answer | null;
  readonly given: Answer | null;
  /** Whether the doctor was given a token. */
  readonly isTokenGiven: boolean;
  readonly isLocal: boolean;
};

export function judgePublishing({ without, wrong, given, isTokenGiven, isLocal }: PublishAnswers): Finding {
  const check = 'publishing';
  if (without?.status === 201) {
    return isLocal
      ? note(check, 'open-publishing', 'no token is needed: this is right in development only')
      : fail(check, 'open-publishing', 'everybody may publish: no token is needed');
  }
  if (wrong?.status === 201) return fail(check, 'open-publishing', 'a wrong token may publish');
  if (given?.status === 201)
    return pass(check, 'the token may publish; without it, and with a wrong one, nobody may');
  const detail = String(Object(given?.json).detail ?? '');
  if (given?.status === 401 && given.text === without?.text) {
    return fail(check, 'strips-authorization', 'the header Authorization does not reach the feed');
  }
  if (given !== null && isRefusalOfFeed(given) && given.status >= 500)
    return fail(check, 'log-failed', `the log failed, status ${given.status}: ${detail}`);
  if (given !== null && isRefusalOfFeed(given) && given.status !== 401 && given.status !== 403)
    return fail(check, 'publishing', `the test event is refused, status ${given.status}: ${detail}`);
  if (given !== null && isRefusalOfFeed(given))
    return fail(check, 'publishing', `the token is refused: ${detail}`);
  if (!isTokenGiven)
    return fail(check, 'publishing', 'no publish token, so all checks with test events were skipped');
  return judgeForeignRefusal(given);
}

/** What a publish request got that the feed has not answered. */
function judgeForeignRefusal(given: Answer | null): Finding {
  const check = 'publishing';
  switch (given?.status) {
    case undefined:
      return fail(check, 'no-answer', 'the server did not answer a publish request within 10 s');
    case 502:
      return fail(check, 'no-process', 'status 502: the proxy reaches no process of the feed');
    case 504:
      return fail(
        check,
        'no-process',
        'status 504: the proxy got no answer in time from a process of the feed',
      );
    case 429:
      return fail(check, 'rate-limit', 'status 429: something in front of the feed limits publishing');
    default:
      return fail(check, 'publishing', `${statusOf(given)}, and not from the feed`);
  }
}

/** The answer of a stream: status, type, compression. Null where nothing more can be read from it. */
export function judgeAnswer({ answer, end, frames }: StreamRecord): readonly Finding[] {
  const check = 'stream answer';
  const wait =
    end === null || end.how === 'closed' ? 'no answer' : `no answer, and the end after ${seconds(end.atMs)}`;
  if (answer === null) return [fail(check, 'holds', `${wait}: something waits for the end of the stream`)];
  const type = String(answer.headers['content-type'] ?? 'no type');
  if (answer.status >= 500 && answer.atMs > 2_000) {
    const found = `status ${answer.status} after ${seconds(answer.atMs)}: something waits for the whole answer, and gives up`;
    return [fail(check, 'whole-answers', found)];
  }
  if (answer.status === 429 || answer.status === 503) {
    return [fail(check, 'rate-limit', `status ${answer.status} with ${type}`)];
  }
  if (answer.status !== 200 || !type.startsWith('text/event-stream')) {
    return [
      fail(
        check,
        'refuses-streams',
        `status ${answer.status} with ${type}; streams have 200 and text/event-stream`,
      ),
    ];
  }
  const encoding = answer.headers['content-encoding'];
  const first = pass(check, `status 200, text/event-stream, headers after ${answer.atMs} ms`);
  if (encoding === undefined) return [first, pass('compression', 'the stream is not compressed')];
  const isThrough = frames.some(({ kind }) => kind === 'hello');
  const found = `the stream is compressed with ${encoding}`;
  return [
    first,
    isThrough
      ? note('compression', 'compresses', `${found}; each event is still passed on at once`)
      : fail('compression', 'compresses', `${found}, and nothing of it comes through`),
  ];
}

/** Whether the first bytes come at once, and what holds them back if not. */
export function judgeStart({ record, isFilled }: EventProbe): Finding {
  const check = 'buffering';
  const hello = helloOf(record);
  const { reads } = record;
  const firstByteMs = reads[0]?.atMs ?? null;
  if (hello !== undefined && !isFilled) {
    const found = `first byte after ${firstByteMs} ms, hello after ${hello.atMs} ms`;
    return hello.atMs < 4_000 ? pass(check, found) : note(check, 'late', found);
  }
  const total = reads.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total === 0) return fail(check, 'holds', 'no byte of the stream came, also after 60 KB were published');
  const sizes = [...new Set(reads.map(({ bytes }) => bytes))];
  if (reads.length > 2 && sizes.length === 1 && sizes[0] === 1) {
    return fail(
      check,
      'trickles',
      `single bytes come, ${seconds((reads.at(-1)?.atMs ?? 0) / reads.length)} apart`,
    );
  }
  const block = blockSize(reads);
  if (block !== null) {
    return fail(check, 'blocks', `bytes come in blocks of ${block}: small events wait until a block is full`);
  }
  return fail(check, 'holds', `${total} bytes came, and no hello: the rest is held back`);
}

/** The largest power of two, from 512, that nearly all sums of bytes at a pause are multiples of; null: there is none. */
function blockSize(reads: StreamRecord['reads']): number | null {
  let sum = 0;
  const sums = reads.flatMap(({ atMs, bytes }, index) => {
    sum += bytes;
    const next = reads[index + 1];
    return next === undefined || next.atMs - atMs > 30 ? [sum] : [];
  });
  const sizes = [65_536, 32_768, 16_384, 8_192, 4_096, 2_048, 1_024, 512];
  const fits = (size: number) => sums.filter((each) => each % size === 0).length >= sums.length * 0.8;
  // One sum alone proves little: the padding of a stream has 2,048 bytes.
  return sums.length < 2 ? null : (sizes.find(fits) ?? null);
}

/**
 * A lone comment follows each event after 100 ms. A filter that is one message behind keeps it until the next frame. That may
 * be a heartbeat soon after one of the events, so most of them decide.
 */
export function judgeOneBehind({ record, single }: EventProbe): Finding {
  const check = 'one behind';
  const came = single.filter((each) => each.cameMs !== null);
  if (came.length < 2) return skipped(check, 'too few test events came');
  const behind = came.filter(({ cameMs }) => {
    const comment = record.frames.find(({ kind, atMs }) => kind === 'comment' && atMs >= Number(cameMs) + 20);
    return comment === undefined || comment.atMs - Number(cameMs) > 1_000;
  });
  return behind.length * 2 > came.length
    ? note(
        check,
        'one-behind',
        'something passes a message on when the next one comes; the lone comments push events through',
      )
    : pass(check, 'each message comes without the next one');
}

export function judgeLatency({ record, single, burst }: EventProbe): Finding {
  const check = 'event latency';
  // Events after the last byte say how the stream ended, and not how late it was.
  const lastMs = record.reads.at(-1)?.atMs ?? 0;
  const all = [...single, ...burst].filter(({ sentMs }) => sentMs < lastMs - 100);
  if (all.length === 0) return skipped(check, 'no test event was published on a live stream');
  const came = all
    .flatMap((each) => (each.cameMs === null ? [] : [each.cameMs - each.sentMs]))
    .toSorted((a, b) => a - b);
  const at = (share: number) => came[Math.min(came.length - 1, Math.floor(came.length * share))] ?? 0;
  const found = `${came.length} of ${all.length} test events came; p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`;
  if (came.length === 0) return fail(check, 'holds', found);
  return at(0.5) > 2_000 || middle(single) > 2_000 ? fail(check, 'late', found) : pass(check, found);
}

/** The middle latency in ms; 0 without events that came. */
function middle(events: readonly Timed[]): number {
  const came = events.flatMap(({ cameMs, sentMs }) => (cameMs === null ? [] : [cameMs - sentMs]));
  return came.toSorted((a, b) => a - b)[Math.floor(came.length / 2)] ?? 0;
}

/**
 * How the two streams lived: one with a heartbeat each 2 s and events, one with the server's own heartbeat alone.
 * @param watchedMs how long both were watched.
 */
export function judgeEnds(
  { record: busy, isFilled }: EventProbe,
  quiet: StreamRecord,
  watchedMs: number,
): readonly Finding[] {
  const busyEnd = endOf(busy, 2_000, watchedMs);
  const quietEnd = endOf(quiet, heartbeatOf(quiet), watchedMs);
  const idle = 'silence';
  const ends = 'end of a stream';
  if (isFilled || helloOf(busy) === undefined || helloOf(quiet) === undefined) {
    return [skipped(idle, 'no stream was live'), skipped(ends, 'no stream was live')];
  }
  const isIdleOnly = quietEnd !== null && quietEnd.how !== 'planned' && isLater(busyEnd, quietEnd);
  const quietFinding =
    quietEnd === null || quietEnd.how === 'planned' || !isIdleOnly
      ? pass(idle, `a stream with a heartbeat each ${heartbeatOf(quiet) / 1_000} s stays open`)
      : fail(
          idle,
          quietEnd.how === 'silent' ? 'loses-silently' : 'idle-limit',
          quietEnd.how === 'silent'
            ? `a quiet stream ${verbs.silent}; its last byte came after ${seconds(quietEnd.atMs)}`
            : `a quiet stream ${verbs[quietEnd.how]} after ${seconds(quietEnd.silentMs)} of silence`,
        );
  const deadlineMs = Number(Object(helloOf(busy)?.data).deadlineMs);
  if (busyEnd === null) {
    const found = `open for the ${seconds(watchedMs)} that it was watched; planned end after ${seconds(deadlineMs)}`;
    return [quietFinding, pass(ends, found)];
  }
  const found = `${verbs[busyEnd.how]} after ${seconds(busyEnd.atMs)}; planned end after ${seconds(deadlineMs)}`;
  return [quietFinding, busyEnd.obstacle === null ? pass(ends, found) : fail(ends, busyEnd.obstacle, found)];
}

type End = {
  readonly atMs: number;
  readonly silentMs: number;
  readonly how: 'planned' | 'clean' | 'broken' | 'silent';
  readonly obstacle: Obstacle | null;
};

const verbs = {
  planned: 'was handed over',
  clean: 'was ended cleanly',
  broken: 'was cut',
  silent: 'went silent without an end',
} as const;

const obstacles = { planned: null, clean: 'ends-early', broken: 'breaks', silent: 'loses-silently' } as const;

const heartbeatOf = (record: StreamRecord) => Number(Object(helloOf(record)?.data).heartbeatMs) || 15_000;

function endOf({ frames, reads, end }: StreamRecord, heartbeatMs: number, watchedMs: number): End | null {
  const lastMs = reads.at(-1)?.atMs ?? 0;
  const make = (how: End['how'], atMs: number): End => ({
    atMs,
    silentMs: atMs - lastMs,
    how,
    obstacle: obstacles[how],
  });
  if (end !== null && end.how !== 'closed') {
    const isPlanned = frames.some(({ kind }) => kind === 'handover');
    return make(isPlanned ? 'planned' : end.how, end.atMs);
  }
  // One heartbeat may be late, two may not be missing.
  return watchedMs - lastMs > 2.5 * heartbeatMs ? make('silent', lastMs) : null;
}

/** Whether the busy stream lived clearly longer than the quiet one. */
function isLater(busy: End | null, quiet: End): boolean {
  return busy === null || busy.how === 'planned' || busy.atMs > quiet.atMs + 3_000;
}

export function judgeParallel(health: Answer | null): Finding {
  const check = 'connections';
  if (health === null)
    return fail(check, 'one-connection', 'no answer within 10 s while two streams were open');
  const found = `${statusOf(health)} after ${health.ms} ms while two streams were open`;
  if (typeof Object(health.json).version === 'string') return pass(check, found);
  // A refusal at once is one by rate, which has a check of its own.
  return health.ms < 2_000 ? skipped(check, found) : fail(check, 'one-connection', found);
}

/** During an update two builds are right: a documented proxy finds the scripts of both. */
export function judgeBuilds(builds: ReadonlySet<string>): Finding {
  const check = 'builds';
  const [only] = builds;
  if (only === undefined) return skipped(check, 'no process tells the id of its build');
  return builds.size === 1
    ? pass(check, `build ${only}`)
    : note(check, 'two-builds', `${builds.size} builds answer: ${[...builds].join(', ')}`);
}

export function judgeResume(numbers: readonly number[] | null): Finding {
  const check = 'resume by header';
  if (numbers === null) return skipped(check, 'no stream was live, or no test event could be published');
  if (numbers.join() === '2,3') return pass(check, 'Last-Event-ID resumes where the stream was');
  return fail(check, 'strips-last-event-id', `after event 1 of 3 came: ${numbers.join(', ') || 'nothing'}`);
}

export function judgePolls({ before, after, isPublished }: PollProbe): Finding {
  const check = 'polls';
  if (before === null || after === null) {
    return fail(check, 'one-connection', 'no answer to a poll within 8 s while streams were open');
  }
  if (before.status !== 200) return refusedPoll(before);
  if (!isPublished) return skipped(check, 'no test event could be published');
  const found = `cache-control: ${before.headers.get('cache-control') ?? 'none'}, answered in ${before.ms} ms`;
  if (after.status !== 200) return refusedPoll(after);
  const { events } = Object(after.json);
  if (Array.isArray(events) && events.length === 1) return pass(check, found);
  return fail(check, 'stale-polls', `a poll 2.5 s after an event did not bring it; ${found}`);
}

/** A refusal by rate has a check of its own. */
function refusedPoll(answer: Answer): Finding {
  const found = `${statusOf(answer)} to a poll`;
  return answer.status === 429 || answer.status === 503
    ? skipped('polls', found)
    : fail('polls', 'not-the-feed', found);
}

export function judgeLongPoll({ quiet, quietMs }: LongPollProbe): Finding {
  const check = 'long polls';
  const found = `a poll that may wait 20 s: ${statusOf(quiet)} after ${seconds(quietMs)}`;
  const isPage = quiet?.status === 200 && Object(quiet.json).cursor !== undefined;
  return isPage ? pass(check, found) : fail(check, 'cuts-polls', found);
}

export function judgeGap(answer: Answer | null): Finding {
  const check = 'gap';
  const { gaps } = Object(answer?.json);
  const [gap] = Array.isArray(gaps) ? gaps : [];
  if (Object(gap).reason === 'restarted') return pass(check, 'a reader of a lost log gets a gap');
  return answer?.status === 200
    ? fail(check, 'no-gap', 'a reader of a lost log gets no gap')
    : skipped(check, `${statusOf(answer)} to the request`);
}

/** A 204 is the only answer at which a native EventSource stops. */
export function judgeEnd(probe: EndProbe | null): Finding {
  const check = 'ended channel';
  if (probe === null) return skipped(check, 'no test event could be published');
  const { page, back } = probe;
  if (page?.status !== 200) return skipped(check, `${statusOf(page)} to a poll of it`);
  if (Object(page.json).ended !== true) return fail(check, 'no-end', 'a poll does not say that it has ended');
  if (back?.status === 204) return pass(check, 'a poll says it, and a stream of it is answered with 204');
  if (back === null || back.status >= 400) return skipped(check, `${statusOf(back)} to a stream of it`);
  return note(check, 'no-end', `a stream of it is answered with status ${back.status} in place of 204`);
}

export function judgeReader({ published, received, latencies, transports }: ReaderProbe): Finding {
  const check = 'this client';
  if (published.length === 0) return skipped(check, 'no test event could be published');
  const last = Math.max(0, ...received);
  const missing = published.filter((number) => !received.includes(number));
  const lost = missing.filter((number) => number < last);
  const doubled = received.length - new Set(received).size;
  const found = [
    `${published.length} published, ${received.length} received by ${transports.join(' and ') || 'nothing'}`,
    `${lost.length} lost, ${doubled} twice, ${missing.length - lost.length} not there yet`,
    `worst ${seconds(Math.max(0, ...latencies))}`,
  ].join('; ');
  if (lost.length + doubled > 0) return fail(check, 'loses-events', found);
  return missing.length > 0 ? fail(check, 'late', found) : pass(check, found);
}

export function judgeRefusals(refusals: ReadonlyMap<number, number>, sent: number): Finding {
  const check = 'rate limit';
  const count = refusals.get(429) ?? 0;
  const unavailable = refusals.get(503) ?? 0;
  if (count + unavailable < 3) return pass(check, `${sent} requests, none refused by something in between`);
  const found = `${count + unavailable} of ${sent} requests were refused with ${count > 0 ? 429 : 503}, and not by the feed`;
  return fail(check, 'rate-limit', found);
}
