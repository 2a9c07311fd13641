import { systemClock } from '../lib/core/clock.ts';
import { FeedError } from '../lib/core/feed-error.ts';
import { loadEnvironment, printFailure } from './command-line.ts';
import { pushEvents, type Sender } from './push/push-events.ts';
import {
  type BatchLimits,
  detectTextFormat,
  makePushEvent,
  openInput,
  type PushEvent,
  pace,
  readPushEvent,
  readPushEvents,
  splitLines,
} from './push/push-input.ts';
import { type PushOptions, pushHelp, readPushOptions } from './push/push-options.ts';
import { createPushReport } from './push/push-report.ts';
import { fetchSameOrigin } from './same-origin-fetch.ts';

/** The server refuses a body of 1 MiB or more. */
const maxBodyBytes = 1_024 * 1_024 - 1;

/** How long a line from a pipe waits for more lines before both are sent. */
const liveWaitMs = 200;

const requestTimeoutMs = 30_000;

type Input = { readonly events: AsyncIterable<PushEvent>; readonly isLive: boolean };

function openEvents(options: PushOptions, signal: AbortSignal): Input {
  const { text, format, isRemove, isEnd } = options;
  if (text !== null || isRemove) {
    const known = text === null ? 'json' : format === 'auto' ? detectTextFormat(text) : format;
    const flags = { ...(isRemove && { remove: true }), ...(isEnd && { end: true }) };
    const event = readPushEvent(text ?? 'null', known, { ...options, ...flags }, null, 'The text');
    return { events: one(event), isLive: false };
  }
  const { chunks, isLive } = openInput(options.file, signal);
  const lines = readPushEvents(splitLines(chunks), format, options);
  const events = isEnd ? withEnd(lines, options.channel, signal) : lines;
  const { ratePerSecond } = options;
  return {
    events: ratePerSecond === null ? events : pace(events, ratePerSecond, systemClock, signal),
    isLive,
  };
}

/** Text where the server wants an object is probably JSON that was not meant as text. */
function misfitAdviceFor({ text, format }: PushOptions): string | null {
  if (format === 'json' || format === 'ndjson') return null;
  if (text === null) return 'push sends a line as text. If your lines are JSON, add --format json.';
  if (format === 'auto' && detectTextFormat(text) !== 'lines') return null;
  return format === 'auto' && /^\s*[[{]/.test(text)
    ? 'The text begins like JSON, but is not valid JSON, so push sent it as a string. Check its quotes and commas.'
    : `push sends a text as a string. For an object, give JSON: npm run push -- --type … '{"id":1}'.`;
}

/** The events, and one more that ends the channel. What an interrupted input would still have had is not published: no end. */
async function* withEnd(
  events: AsyncIterable<PushEvent>,
  channel: string,
  signal: AbortSignal,
): AsyncGenerator<PushEvent> {
  yield* events;
  if (!signal.aborted) yield makePushEvent({ channel, type: 'end', end: true, data: null }, null, 'The end');
}

async function* one<T>(item: T): AsyncGenerator<T> {
  yield item;
}

function readLimits({ batchEvents, ratePerSecond }: PushOptions, isLive: boolean): BatchLimits {
  // With --rate, a batch has the events of one wait at most. Larger batches would send the events in bursts.
  const paced = ratePerSecond === null ? batchEvents : Math.floor((ratePerSecond * liveWaitMs) / 1_000);
  const events = Math.max(1, Math.min(batchEvents, paced));
  return { events, bytes: maxBodyBytes, waitMs: isLive ? liveWaitMs : null };
}

async function push(options: PushOptions, signal: AbortSignal): Promise<number> {
  const report = createPushReport(process.stderr, systemClock);
  const input = openEvents(options, signal);
  if (options.text === null && options.file === null && process.stdin.isTTY) {
    report.say('Type one event per line. Ctrl-D ends the input. Use --help to see the options.');
  }
  const sender: Sender = {
    ...options,
    timeoutMs: requestTimeoutMs,
    misfitAdvice: misfitAdviceFor(options),
    fetch: fetchSameOrigin,
    clock: systemClock,
    signal,
    onRetry: (reason, waitMs, retriesLeft) =>
      report.say(`${reason} Retrying in ${(waitMs / 1_000).toFixed(1)} s (retries left: ${retriesLeft}).`),
  };
  const limits = readLimits(options, input.isLive);
  const { keyPrefix } = options;
  const result = await pushEvents(input.events, { limits, keyPrefix, sender, onProgress: report.progress });
  report.summary(result.tally);
  if (result.failure !== null) report.say(`push: ${result.failure}`);
  if (signal.aborted) return 130;
  return result.failure === null ? 0 : 1;
}

/** Aborts at the first Ctrl-C: push then sends what it has read, and ends. A second Ctrl-C ends the process at once. */
function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort());
  return controller.signal;
}

async function main(): Promise<number> {
  try {
    loadEnvironment();
    const options = readPushOptions();
    if (options !== null) return await push(options, interruptSignal());
    process.stdout.write(pushHelp);
    return 0;
  } catch (cause) {
    if (!(cause instanceof FeedError)) throw cause;
    printFailure('push', cause);
    return 1;
  }
}

// Without this, an open standard input or an idle connection would keep the process alive.
process.exit(await main());
