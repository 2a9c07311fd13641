import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../lib/core/clock.ts';
import { buildOnce, isFresh } from './build-app.ts';
import { parseOptions, printFailure, readWholeNumber } from './command-line.ts';
import { type DemoApp, startDemoApp } from './demo/demo-app.ts';
import { machineText, publishMachine, startMachineSampler } from './demo/machine.ts';
import { findFreePort } from './free-port.ts';
import type { Sender } from './push/push-events.ts';

/** What `npm run demo -- --help` says. */
const demoHelp = `Runs the app on this machine, with a feed of real events: no account, no setting.

  npm run demo

Builds the app where that is needed, starts it with the embedded log in .data/demo.db, and publishes how this machine
is, once a second, through POST /api/events. Streams are ended after 30 seconds, as a platform would, for you to watch
that no reader notices. Ctrl-C ends everything.

  --port <n>     where the app listens (default: 3000; 0: any free port)
  --seconds <n>  ends by itself after so many seconds
  --help         this text
`;

type DemoOptions = {
  /** Where the app listens; 0 for any free port. */
  readonly port: number;
  /** After how many seconds of publishing the demo ends by itself; null: never. */
  readonly seconds: number | null;
};

/**
 * Reads the command line of `npm run demo`; null when it asks for help.
 * @throws FeedError `bad-request`, naming the option and what is allowed.
 */
function readDemoOptions(args: readonly string[]): DemoOptions | null {
  const { port, seconds, help } = parse(args);
  if (help) return null;
  return {
    port: readWholeNumber('--port', port, 0, 65_535),
    seconds: seconds === undefined ? null : readWholeNumber('--seconds', seconds, 1, 1_000_000),
  };
}

function parse(args: readonly string[]) {
  return parseOptions({
    args: [...args],
    options: {
      port: { type: 'string', default: '3000' },
      seconds: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  }).values;
}

const root = fileURLToPath(new URL('..', import.meta.url));

const say = (text: string) => console.log(text);

async function demo(options: DemoOptions): Promise<number> {
  // Ahead of the build, which takes long.
  const port = await findFreePort(options.port);
  if (!isFresh()) {
    say('Building the app. This takes up to a minute, and is done again only when the code has changed.');
    await buildOnce();
  }
  const interrupt = catchInterrupt();
  const token = randomBytes(24).toString('base64url');
  const app = await startDemoApp(root, port, token).catch((cause: unknown) => {
    if (interrupt.aborted) return null;
    throw cause;
  });
  if (app === null) return 0;
  say(`\n  The feed:  http://localhost:${port}\n`);
  say(
    'Every stream is ended within 30 s, as a platform would; watch that nothing is missing. Ctrl-C ends it.\n',
  );
  const reason = await publishUntilEnd(app, options, port, token, interrupt);
  await app.stop();
  if (reason === null) return 0;
  printFailure('demo', reason);
  return 1;
}

/** Publishes until it is interrupted, its time is over or the app has ended; gives the reason where it was no such plan. */
async function publishUntilEnd(
  app: DemoApp,
  { seconds }: DemoOptions,
  port: number,
  token: string,
  interrupt: AbortSignal,
): Promise<string | null> {
  const sampler = startMachineSampler(root);
  const over = seconds === null ? [] : [AbortSignal.timeout(seconds * 1_000)];
  const sender: Sender = {
    endpoint: new URL(`http://127.0.0.1:${port}/api/events`),
    token,
    timeoutMs: 10_000,
    fetch,
    retries: 5,
    clock: systemClock,
    signal: AbortSignal.any([interrupt, ...over]),
    onRetry: (reason) => say(`${reason}; trying again`),
  };
  const publishing = publishMachine(sampler, sender, (machine, id) => say(`${machineText(machine)}   ${id}`));
  const crashed = app.ended.then((printed) => (interrupt.aborted ? null : `the app has ended\n${printed}`));
  const reason = await Promise.race([publishing, crashed]);
  sampler.stop();
  return reason;
}

/** Ctrl-C ends the demo in order; a second one at once. */
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
    const options = readDemoOptions(process.argv.slice(2));
    if (options !== null) return await demo(options);
    say(demoHelp);
    return 0;
  } catch (cause) {
    printFailure('demo', cause);
    return 1;
  }
}

process.exit(await main());
