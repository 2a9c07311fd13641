import { hostname } from 'node:os';
import { requestUse } from '../../config/prices.ts';
import type { Settings } from '../../config/settings.ts';
import { formatEventId } from '../../core/ids.ts';
import type { ChannelStatus, LogStatus, Percentiles, ProcessStatus } from '../../core/process-status.ts';
import { version } from '../../core/sse-frames.ts';
import { checkLog } from '../http/health-route.ts';
import { lookBackMinutes } from '../metrics.ts';
import type { Runtime } from '../runtime.ts';
import type { LeasedTail } from '../tail/tail.ts';
import { type CurrentUse, monthCostOf } from './month-cost.ts';

/** Answers of the log whose times are kept: those of about two minutes. */
const maxAnswers = 60;

/** Channels that a snapshot lists, at most. */
const maxChannels = 50;

/** What happens often has the rate of the last minutes. */
const rateMinutes = 5;

/** Measures one process. */
export type StatusMeter = { measure(): Promise<ProcessStatus> };

/** @param runtime of the process. */
export function createStatusMeter(runtime: Runtime): StatusMeter {
  const { clock, streams, tails, admission, metrics, settings } = runtime;
  const name = `${process.env.VERCEL_REGION || hostname()}-${Math.floor(clock.random() * 36 ** 4)
    .toString(36)
    .padStart(4, '0')}`;
  const startedAt = Math.round(clock.now() - process.uptime() * 1_000);
  const askLog = createLogQuestion(runtime);

  return {
    async measure() {
      const log = await askLog();
      const now = clock.now();
      const followed = tails.list().map(({ tail, leases }) => channelOf(tail, leases, now));
      const busiestFirst = followed.toSorted(
        (a, b) => b.eventsPerMinute - a.eventsPerMinute || b.readers - a.readers,
      );
      const upMinutes = (now - startedAt) / 60_000;
      const refusals = metrics.refusals
        .entries()
        .map(([code, counter]) => ({ code, lately: counter.inLast(rateMinutes), total: counter.total }));
      return {
        name,
        version,
        time: now,
        startedAt,
        log,
        streams: streams.size,
        waitingPolls: Math.max(0, admission.held() - streams.size),
        slots: settings.streamMaxConnections,
        channels: busiestFirst.slice(0, maxChannels),
        channelCount: followed.length,
        commandsPerHour: perHour(metrics.logCommands, upMinutes),
        lag: metrics.lag.percentiles(rateMinutes),
        deliveriesPerMinute: metrics.deliveries.inLast(rateMinutes) / rateMinutes,
        refusals: refusals.toSorted((a, b) => b.lately - a.lately || b.total - a.total),
        gaps: metrics.gaps.total,
        resubscriptions: metrics.resubscriptions.total,
        memoryBytes: process.memoryUsage.rss(),
        memoryLimitBytes: memoryLimit(),
        settings: settingsToShow(runtime),
        month: monthCostOf(useOf(runtime, upMinutes)),
      };
    },
  };
}

/** The rate of the last hour. A process that is younger has the rate of its life, and one of its first minutes that of five. */
function perHour(counter: { inLast(minutes: number): number }, upMinutes: number): number {
  const minutes = Math.min(lookBackMinutes, Math.max(rateMinutes, upMinutes));
  return (counter.inLast(lookBackMinutes) / minutes) * 60;
}

/** What the process uses of what is billed by use. Only the REST API of Upstash bills each command. */
function useOf({ settings, admission, metrics }: Runtime, upMinutes: number): CurrentUse {
  const { user, system } = process.cpuUsage();
  const requests = [metrics.streamsOpened, metrics.polls, metrics.publishes];
  return {
    platform: settings.isVercel
      ? {
          memoryGB:
            admission.held() === 0 ? 0 : (memoryOfPlatform() ?? requestUse.processGB * 2 ** 30) / 2 ** 30,
          cpuShare: (user + system) / 1e6 / process.uptime(),
          requestsPerHour: requests.reduce((sum, each) => sum + perHour(each, upMinutes), 0),
          bytesPerHour: perHour(metrics.bytes, upMinutes),
        }
      : null,
    commandsPerHour: isBilled(settings) ? perHour(metrics.logCommands, upMinutes) : null,
  };
}

function isBilled({ redis }: Settings): boolean {
  return redis !== null && 'url' in redis;
}

/** Asks the log, and keeps how long its last answers took. */
function createLogQuestion(runtime: Runtime): () => Promise<LogStatus> {
  const kind = logNames[runtime.log.kind];
  const answersMs: number[] = [];
  return async () => {
    const { problem, latencyMs } = await checkLog(runtime);
    if (problem === null) answersMs.push(latencyMs);
    if (answersMs.length > maxAnswers) answersMs.shift();
    return { kind, isReachable: problem === null, problem, latency: percentilesOf(answersMs) };
  };
}

const logNames = {
  embedded: 'Embedded, one file',
  redis: 'Redis, over the REST API of Upstash',
  'redis-tcp': 'Redis, over TCP',
} as const;

/** The percentiles of values; null if there is none. */
export function percentilesOf(values: readonly number[]): Percentiles | null {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  const [p50, p99] = [at(0.5), at(0.99)];
  return p50 === undefined || p99 === undefined ? null : { p50, p99 };
}

/** What the ring of a tail tells about its channel. A ring that is younger than `rateMinutes` tells the rate of its own time. */
function channelOf(tail: LeasedTail, readers: number, now: number): ChannelStatus {
  const end = tail.end();
  const entries = tail.find(end)?.entries ?? [];
  const since = now - rateMinutes * 60_000;
  const lately = entries.filter(({ id }) => id.time >= since);
  const [first] = entries;
  // A ring that was trimmed does not reach back so far.
  const isWhole = first === undefined || first.id.time < since || first.id.seq === 1;
  const minutes = isWhole ? rateMinutes : Math.max(1 / 60, (now - first.id.time) / 60_000);
  return {
    name: tail.channel,
    lastId: formatEventId(end.id),
    readers,
    eventsPerMinute: lately.length / minutes,
  };
}

/** Bytes that the platform gives to the process, and bills; null: it does not say. */
function memoryOfPlatform(): number | null {
  const megabytes = Number(process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE);
  return megabytes > 0 ? megabytes * 1_048_576 : null;
}

/** Bytes that the process may have; null: as much as the machine has. */
function memoryLimit(): number | null {
  const ofPlatform = memoryOfPlatform();
  if (ofPlatform !== null) return ofPlatform;
  const ofContainer = process.constrainedMemory();
  // Without a limit Node reports 0, or a number that is larger than every machine.
  return ofContainer > 0 && ofContainer < 2 ** 44 ? ofContainer : null;
}

function settingsToShow({ settings }: Runtime): ProcessStatus['settings'] {
  const seconds = (ms: number) => `${ms / 1_000} s`;
  const isSet = (secret: string | null) => (secret === null ? 'not set' : 'set');
  const orNone = (value: number | null, unit: string) => (value === null ? 'no limit' : `${value} ${unit}`);
  return [
    ...(settings.redis === null ? [['FEED_DB', settings.feedDb] as const] : []),
    ['FEED_RETENTION', `${settings.retention} events`],
    ['STREAM_MAX_CONNECTIONS', `${settings.streamMaxConnections} slots`],
    ['STREAM_MAX_PER_ADDRESS', orNone(settings.streamMaxPerAddress, 'channels')],
    ['STREAM_MAX_SECONDS', settings.streamMaxSeconds === null ? 'not set' : `${settings.streamMaxSeconds} s`],
    ['HEARTBEAT_SECONDS', seconds(settings.heartbeatMs)],
    ['TAIL_CHECK_SECONDS', seconds(settings.tailCheckMs)],
    ['QUIET_SECONDS', settings.quietMs === null ? 'off' : seconds(settings.quietMs)],
    ['REST_MAX_SECONDS', seconds(settings.restMaxMs)],
    ['REST_BUSY_SECONDS', settings.restBusyMs === null ? 'off' : seconds(settings.restBusyMs)],
    ['POLL_MODE', settings.pollMode],
    ['PUBLISH_RATE', orNone(settings.publishRate, 'events/s')],
    ['PUBLISH_TOKEN', isSet(settings.publishToken)],
    ['READ_TOKEN_SECRET', isSet(settings.readTokenSecret)],
    ['LOG_LEVEL', settings.logLevel],
    ['ALLOWED_ORIGINS', settings.allowedOrigins.join(', ') || 'none'],
  ];
}
