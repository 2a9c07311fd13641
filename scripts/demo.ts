import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FeedError } from '../lib/core/feed-error.ts';
import { parseName } from '../lib/core/ids.ts';
import { buildOnce, isFresh } from './build-app.ts';
import { parseOptions, printFailure, readPort, readSetting, readWholeNumber } from './command-line.ts';
import { createPublish, publishActivity } from './demo/activity.ts';
import { type DemoSite, startDemoSite } from './demo/demo-site.ts';
import { hostName, lookAt, publishHost } from './demo/hosts.ts';
import type { DemoPublish } from './demo/job.ts';
import { createDemoSender, machineText, publishMachine, startMachineSampler } from './demo/machine.ts';
import { findFreePort } from './free-port.ts';
import { readEndpoint } from './push/push-options.ts';

const help = `Runs the app on this machine with a feed of real events. It needs no account and no settings.

  npm run demo
  npm run demo -- --report <address>

It builds the app if the code has changed, starts it with the embedded log in .data/demo.db, and publishes with
POST /api/events: the load of this machine once a second, processes that start and end, and in the channel public:commits
the commits of this repository. The page also shows a table of hosts (public:demo-hosts): this machine, the processes of the demo, and
each machine that reports; and a job whose channel ends (public:job.…). The app ends every stream within 30 seconds, as a
serverless platform would, so you can see that readers do not notice. The page has buttons that try to break the feed. Press
Ctrl-C to stop everything.

Other programs can publish to it, such as npm run push, if you set PUBLISH_TOKEN in the environment or .env.local. Without
it the demo has a random token.

With --report it starts no app. It adds a row for this machine to the table of the demo at that address, or of an app that runs with
DEMO_HOSTS=on. Set PUBLISH_TOKEN in the environment to the token of that app: the one in .env.local is of your own app, and is not
sent. Ten seconds after its last report the row is gone.

  --port <n>          port of the app (default: PORT from the environment or .env.local, else 3000; 0: any free port)
  --network           let your network reach it: others can then read the page, and programs there can press its buttons
                      (default: only this machine)
  --redis             keep the events in Redis, started for the demo in .data/demo-redis; needs redis-server
  --report <address>  add this machine to the table of hosts of another app
  --name <name>       how the table calls this machine (default: its host name); two machines of one name would share a row
  --seconds <n>       stop after this many seconds (default: run until Ctrl-C)
  --help              show this text
`;

type DemoOptions = {
  /** Port of the app; 0 for any free port. */
  readonly port: number;
  /** Whether other machines can reach it. */
  readonly isOnNetwork: boolean;
  /** The demo stops after this many seconds of publishing; null: never. */
  readonly seconds: number | null;
  /** Whether the events are kept in Redis. */
  readonly isOnRedis: boolean;
  /** Where to report this machine, instead of starting an app; null: the demo runs here. */
  readonly report: URL | null;
  /** The subject of this machine. */
  readonly name: string;
};

/** Null when the command line asks for help. @throws FeedError `bad-request`, naming the option and its range. */
function readOptions(): DemoOptions | null {
  const { values } = parseOptions({
    options: {
      port: { type: 'string' },
      network: { type: 'boolean', default: false },
      seconds: { type: 'string' },
      redis: { type: 'boolean', default: false },
      report: { type: 'string' },
      name: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  const { port, network, seconds, redis, report, name } = values;
  if (report !== undefined && (port !== undefined || network || redis))
    throw new FeedError('bad-request', '--report starts no app: leave --port, --network and --redis out.');
  return {
    port: port === undefined ? readPort(0) : readWholeNumber('--port', port, 0, 65_535),
    isOnNetwork: network,
    seconds: seconds === undefined ? null : readWholeNumber('--seconds', seconds, 1, 1_000_000),
    isOnRedis: redis,
    report: report === undefined ? null : readEndpoint(report, '--report'),
    name: name === undefined ? hostName() : readMachineName(name),
  };
}

/** A name without a colon: the table has the processes of a machine as `<machine>:<process>`, and the job as `demo:job`. */
function readMachineName(name: string): string {
  if (name.includes(':'))
    throw new FeedError(
      'bad-request',
      `--name: "${name}" has a colon, which separates a machine from its processes. Use a name without one.`,
    );
  return parseName(name, '--name');
}

const root = fileURLToPath(new URL('..', import.meta.url));

const say = (text: string) => console.log(text);

async function demo(options: DemoOptions): Promise<number> {
  // Checked before the build, which takes long.
  const port = await findFreePort(options.port);
  if (!isFresh()) {
    say('Building the app. This takes up to a minute, and only happens when the code has changed.');
    await buildOnce();
  }
  const interrupt = catchInterrupt();
  const given = readSetting('PUBLISH_TOKEN');
  const token = given ?? randomBytes(24).toString('base64url');
  const path = readBasePath();
  const { isOnNetwork, isOnRedis } = options;
  const starting = startDemoSite({ root, port, isOnNetwork, path, isOnRedis, token, interrupt, say });
  const site = await starting.catch((cause: unknown) => {
    if (interrupt.aborted) return null;
    throw cause;
  });
  if (site === null) return 0;
  say(`\n  Open http://localhost:${port}${path}\n`);
  say('The app ends every stream within 30 s, as a serverless platform would. No event is lost.');
  say(
    given === null
      ? 'Other programs cannot publish here: use npm run dev, or set PUBLISH_TOKEN before you start the demo.'
      : `Other programs can publish here with your PUBLISH_TOKEN: npm run push -- --url http://localhost:${port}${path} "hello"`,
  );
  say('Press Ctrl-C to stop.\n');
  const failure = await publishUntilEnd(site, options, interrupt);
  await site.stop();
  if (failure === null) return 0;
  printFailure('demo', failure);
  return 1;
}

/** The `basePath` of the built app; empty where it has none. */
function readBasePath(): string {
  return JSON.parse(readFileSync(join(root, '.next/routes-manifest.json'), 'utf8')).basePath ?? '';
}

/** Publishes until Ctrl-C, or until `seconds` are over. @returns why it stopped before that; null if it did not. */
async function publishUntilEnd(
  site: DemoSite,
  options: DemoOptions,
  interrupt: AbortSignal,
): Promise<string | null> {
  const sampler = startMachineSampler(root);
  const signal = endOf(options, interrupt);
  const sender = site.sender(signal);
  const publishing = Promise.race([
    publishMachine(sampler, sender, (machine, id) => say(`${machineText(machine)}   ${id}`)),
    publishActivity(root, sender, () => lookAt(options.name, site.processes())),
  ]);
  const crash = site.crashed.then((printed) =>
    interrupt.aborted ? null : `The app ended by itself. It printed:\n${printed}`,
  );
  const failure = await Promise.race([publishing, crash]);
  sampler.stop();
  return failure;
}

/** Aborts at `interrupt`, or when `seconds` are over. */
function endOf({ seconds }: DemoOptions, interrupt: AbortSignal): AbortSignal {
  return seconds === null ? interrupt : AbortSignal.any([interrupt, AbortSignal.timeout(seconds * 1_000)]);
}

/** How often a report is tried again: an update of the app takes some minutes. */
const reportRetries = 15;

/** Adds this machine to the table of another app. @returns the exit code. */
async function reportTo(endpoint: URL, options: DemoOptions): Promise<number> {
  const signal = endOf(options, catchInterrupt());
  const onRetry = (reason: string) => say(`${reason} Retrying.`);
  const sender = {
    // The token in .env.local is of the user's own app: another machine must not get it.
    ...createDemoSender(endpoint, process.env.PUBLISH_TOKEN ?? null, signal, onRetry),
    retries: reportRetries,
    unreachableAdvice: 'Is the app running there? A demo is open to other machines only with --network.',
    tokenAdvice:
      'Set PUBLISH_TOKEN in the environment to the token of that app. --report does not read .env.local.',
  };
  say(`Reporting to ${endpoint.origin} as ${options.name}, every 2 s. Press Ctrl-C to stop.`);
  const look = () => lookAt(options.name, new Map());
  const publish = createPublish(sender);
  let isFirst = true;
  const report: DemoPublish = async (events) => {
    const failure = await publish(events);
    if (failure === null && isFirst) say('The first report has arrived.');
    if (failure === null) isFirst = false;
    return failure;
  };
  const failure = await publishHost(look, report, sender);
  if (failure === null) return 0;
  printFailure('demo', failure);
  return 1;
}

/** Aborts at Ctrl-C, so that the demo can stop the app. A second Ctrl-C ends the demo at once. */
function catchInterrupt(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(130);
      controller.abort();
    });
  }
  return controller.signal;
}

async function main(): Promise<number> {
  try {
    const options = readOptions();
    if (options !== null)
      return await (options.report === null ? demo(options) : reportTo(options.report, options));
    process.stdout.write(help);
    return 0;
  } catch (cause) {
    printFailure('demo', cause);
    return 1;
  }
}

process.exit(await main());
