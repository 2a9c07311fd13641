import { costOf, hoursPerMonth, prices, requestUse, type Usage } from '../lib/config/prices.ts';
import { type Environment, readSettings } from '../lib/config/settings.ts';
import { restAfterMs } from '../lib/server/rest.ts';
import { parseOptions, printFailure, readWholeNumber } from './command-line.ts';
import { simulateRest } from './cost/simulate-rest.ts';

const help = `Prints what one feed costs per month on Vercel and Upstash, by the published prices in lib/config/prices.ts.

  npm run cost -- --readers 10 --events-per-hour 60

  --readers <number>          pages that are open and visible, day and night (default: 1)
  --events-per-hour <number>  events in the feed's one channel (default: 1)
  --regions <number>          regions of the CDN in which they are; each has a cache that answers polls for all of them
                              (default: 1, 4 for 100 readers and more); 0 for private channels, which no cache answers
  --event-bytes <number>      bytes of an event, as a frame of a stream (default: 300)
  --help                      show this text

Each reader is another browser. docs/scale.md says how the model was checked against the real code. Exit code: 0 printed; 1 not.
`;

/** One row: a feed with one channel. */
type Feed = {
  readonly readers: number;
  readonly eventsPerHour: number;
  /** How many caches of a CDN answer polls: one in each region where readers are; 0: none does. */
  readonly regions: number;
  /** Bytes of an event, as a frame of a stream. */
  readonly eventBytes: number;
};

const secondsPerMonth = hoursPerMonth * 3_600;

/** What the code sends: the life of a stream and the pause of short polls in s, the bytes of a heartbeat. */
const stream = {
  seconds: 275,
  heartbeatSeconds: 5,
  heartbeatBytes: 80,
  perProcess: 800,
} as const;
const pollSeconds = 2;
const checksPerHour = 67;
const deliveryCpuMs = 0.063;

/** @upstash/realtime 1.1: a stream ends after 298 s, and has sent 4 pings; 3 commands for each, 2 for each event. */
const peer = {
  streamSeconds: 298,
  pingsPerStream: 4,
  pingBytes: 51,
  commandsPerStream: 3,
  commandsPerEvent: 2,
  perProcess: 510,
} as const;

/** In how many regions of the CDN so many readers are: a few people are in one. */
export function regionsOf(readers: number): number {
  return readers >= 100 ? 4 : 1;
}

const hours = (ms: number) => ms / 3_600_000;

/** The use of so many streams, polls and seconds with an open request, and of publishing. `reads` are the polls that no cache answers. */
function useOf(
  { eventsPerHour, readers, eventBytes }: Feed,
  {
    streams,
    polls,
    reads,
    awakeSeconds,
    streamSeconds,
  }: Record<'streams' | 'polls' | 'reads' | 'awakeSeconds' | 'streamSeconds', number>,
): Usage {
  const { processGB, pollMs, pollCpuMs, openCpuMs, pollBytes, openBytes } = requestUse;
  const events = eventsPerHour * hoursPerMonth;
  // An event is a sign of life too.
  const heartbeats = streamSeconds * Math.max(0, 1 / stream.heartbeatSeconds - eventsPerHour / 3_600);
  const streamBytes =
    streams * openBytes + heartbeats * stream.heartbeatBytes + events * readers * eventBytes;
  return {
    gbHours: (processGB * awakeSeconds) / 3_600 + processGB * hours(reads * pollMs),
    cpuHours: hours(
      reads * pollCpuMs + streams * openCpuMs + (heartbeats + events * readers) * deliveryCpuMs,
    ),
    invocations: reads + streams + events,
    edgeRequests: polls + streams + events,
    gbToReaders: (streamBytes + polls * pollBytes) / 1e9,
    gbFromProcesses: (streamBytes + reads * pollBytes) / 1e9,
    redisCommands: reads + events + (awakeSeconds / 3_600) * checksPerHour,
    redisGB: 0,
  };
}

function streaming(feed: Feed): Usage {
  const processes = Math.ceil(feed.readers / stream.perProcess);
  const streamSeconds = feed.readers * secondsPerMonth;
  const awakeSeconds = processes * secondsPerMonth;
  return useOf(feed, {
    streams: streamSeconds / stream.seconds,
    polls: 0,
    reads: 0,
    awakeSeconds,
    streamSeconds,
  });
}

function polling(feed: Feed): Usage {
  const { readers, regions } = feed;
  const polls = (readers * secondsPerMonth) / pollSeconds;
  // A cache keeps an answer for a second. Then the next poll that comes is sent on.
  const pauseSeconds = Math.min(pollSeconds, 1 + (pollSeconds * regions) / readers);
  const reads = regions === 0 ? polls : Math.min(polls, (regions * secondsPerMonth) / pauseSeconds);
  return useOf(feed, { streams: 0, polls, reads, awakeSeconds: 0, streamSeconds: 0 });
}

/** Days that are simulated: so many that the budget for streams, which is there once, does not count. */
const simulatedDays = 3;

/** Streams, and rest, through some days with events at equal distances. The rule is the server's own. */
function resting(feed: Feed, env: Environment = {}): Usage {
  const { readers, eventsPerHour, regions } = feed;
  const settings = readSettings({ VERCEL: '1', ...env });
  // So many never rest.
  if (restAfterMs(readers, settings.restMaxMs) === Number.POSITIVE_INFINITY) return streaming(feed);
  const durationMs = simulatedDays * 86_400_000;
  const gapMs = 3_600_000 / eventsPerHour;
  const eventsAt = Array.from(
    { length: Math.floor(durationMs / gapMs) },
    (_, index) => (index + 0.5) * gapMs,
  );
  const { streams, polls, busyPolls, awakeMs, streamMs } = simulateRest({
    readers,
    eventsAt,
    durationMs,
    settings,
  });
  const months = (secondsPerMonth * 1_000) / durationMs;
  return useOf(feed, {
    streams: streams * months,
    polls: polls * months,
    // Readers in a quiet time poll together, and one of each region reaches the server. No cache answers in a busy time.
    reads: (busyPolls + (polls - busyPolls) * (regions === 0 ? 1 : Math.min(1, regions / readers))) * months,
    awakeSeconds: (awakeMs / 1_000) * months,
    streamSeconds: (streamMs / 1_000) * months,
  });
}

function peerUse(feed: Feed): Usage {
  const { readers, eventsPerHour } = feed;
  const streams = (readers * secondsPerMonth) / peer.streamSeconds;
  const pings = streams * peer.pingsPerStream;
  const awakeSeconds = Math.ceil(readers / peer.perProcess) * secondsPerMonth;
  const use = useOf(feed, { streams, polls: 0, reads: 0, awakeSeconds, streamSeconds: 0 });
  // Each stream gets every ping of the channel.
  const pingGB = (pings * readers * peer.pingBytes) / 1e9;
  return {
    ...use,
    cpuHours: use.cpuHours + hours(pings * readers * deliveryCpuMs),
    gbToReaders: use.gbToReaders + pingGB,
    gbFromProcesses: use.gbFromProcesses + pingGB,
    redisCommands:
      streams * peer.commandsPerStream + pings + eventsPerHour * hoursPerMonth * peer.commandsPerEvent,
    redisGB: pingGB,
  };
}

/** The ways of the table. */
export const costWays = [
  { name: 'Steadfeed, streams and rest (the default on Vercel)', use: (feed) => resting(feed) },
  {
    name: 'Steadfeed, REST_BUSY_SECONDS=0: rest only in quiet times',
    use: (feed) => resting(feed, { REST_BUSY_SECONDS: '0' }),
  },
  { name: 'Steadfeed, QUIET_SECONDS=0: always streaming', use: streaming },
  { name: 'Steadfeed, always polling, each 2 s', use: polling },
  { name: '@upstash/realtime 1.1', use: peerUse },
] as const satisfies readonly { readonly name: string; readonly use: (feed: Feed) => Usage }[];

function numberText(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toFixed(value >= 10 ? 1 : 2);
}

/** The table, as Markdown. */
export function costTable(feed: Feed): string {
  const head = [
    'way',
    'GB-hours',
    'invocations',
    'edge requests',
    'Redis commands',
    'platform',
    'Redis',
    'month',
  ];
  const rows = costWays.map(({ name, use }) => {
    const used = use(feed);
    const { platform, redis, total } = costOf(used);
    const numbers = [used.gbHours, used.invocations, used.edgeRequests, used.redisCommands].map(numberText);
    return [name, ...numbers, ...[platform, redis, total].map((dollars) => `$${dollars.toFixed(2)}`)];
  });
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** Facts beside the prices that change a bill, with their dates. */
const notes = [
  'A month has 730 hours. The free allowances of a plan, and its price itself, are not counted. Readers are open day and night.',
  'A CDN answers polls of public channels, one for all readers of a region; --regions 0 shows private ones.',
  'Redis: by the command. Upstash has fixed plans from $10 per month too, and a budget cap that stops the database.',
  'One request may take 300 s by default, 800 s on Pro, and 1,800 s there in beta: longer streams are opened less often, and each second costs the same.',
];

function printCosts(): void {
  const { values } = parseOptions({
    options: {
      readers: { type: 'string', default: '1' },
      'events-per-hour': { type: 'string', default: '1' },
      regions: { type: 'string' },
      'event-bytes': { type: 'string', default: '300' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(help);
    return;
  }
  const readers = readWholeNumber('--readers', values.readers, 1, 1_000_000);
  const eventsPerHour = readWholeNumber('--events-per-hour', values['events-per-hour'], 0, 3_600_000);
  const regions = readWholeNumber('--regions', values.regions ?? String(regionsOf(readers)), 0, 100);
  console.log(`${readers} readers of one channel in ${regions} regions, ${eventsPerHour} events per hour\n`);
  const eventBytes = readWholeNumber('--event-bytes', values['event-bytes'], 1, 65_536);
  console.log(costTable({ readers, eventsPerHour, regions, eventBytes }));
  const sources = Object.entries(Object.groupBy(Object.entries(prices), ([, { source }]) => source));
  for (const [source, group = []] of sources) {
    const texts = group.map(([name, { value, unit }]) => `${name} ${value} ${unit}`);
    console.log(`\n${source}:\n  ${texts.join('; ')}`);
  }
  console.log(`\n${notes.join('\n')}`);
}

if (import.meta.main) {
  try {
    printCosts();
  } catch (cause) {
    printFailure('cost', cause);
    process.exitCode = 1;
  }
}
