import { parseArgs } from 'node:util';
import { FeedError } from '../../lib/core/feed-error.ts';

export type DemoOptions = {
  /** Where the app listens; 0 for any free port. */
  readonly port: number;
  /** After how many seconds of publishing the demo ends by itself; null: never. */
  readonly seconds: number | null;
};

/** What `npm run demo -- --help` says. */
export const demoHelp = `Runs the app on this machine, with a feed of real events: no account, no setting.

  npm run demo

Builds the app where that is needed, starts it with the embedded log in .data/demo.db, and publishes how this machine
is, once a second, through POST /api/events. Streams are ended after 30 seconds, as a platform would, for you to watch
that no reader notices. Ctrl-C ends everything.

  --port <n>     where the app listens (default: 3000; 0: any free port)
  --seconds <n>  ends by itself after so many seconds
  --help         this text
`;

/**
 * Reads the command line of `npm run demo`; null when it asks for help.
 * @throws FeedError `bad-request`, naming the option and what is allowed.
 */
export function readDemoOptions(args: readonly string[]): DemoOptions | null {
  const { port, seconds, help } = parse(args);
  if (help) return null;
  return {
    port: readWhole('--port', port, 0, 65_535),
    seconds: seconds === undefined ? null : readWhole('--seconds', seconds, 1, 1_000_000),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        port: { type: 'string', default: '3000' },
        seconds: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (cause) {
    throw new FeedError('bad-request', cause instanceof Error ? cause.message : String(cause));
  }
}

function readWhole(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new FeedError('bad-request', `${name}: "${text}"; allowed is a whole number from ${min} to ${max}`);
}
