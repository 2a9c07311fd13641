import { createHmac, randomBytes } from 'node:crypto';
import { isPublic } from '../config/public-channels.ts';
import { type LogLevel, logLevels, readLogLevel, type Settings } from '../config/settings.ts';
import type { Clock } from '../core/clock.ts';
import { escapeControlCharacters } from '../core/safe-text.ts';
import type { ResubscribeReason } from './tail/tail.ts';

/*
 * What the server prints. `docs/operations.md` explains every line and its fields. A line has no secret, no address, no query
 * and no data of an event.
 */

/** A value in a line. */
type Field = string | number | boolean | null | readonly string[];

/**
 * Prints a line, if `LOG_LEVEL` lets it through. In production it is one JSON object: `time`, `level`, `event`, `message` and
 * the fields. Elsewhere it is the message with its fields, for a person.
 * @param message begins with `steadfeed: `, so that the lines of the feed can be found among those of the framework.
 */
export function printLine(
  level: LogLevel,
  event: string,
  message: `steadfeed: ${string}`,
  fields: Readonly<Record<string, Field>> = {},
): void {
  if (!isPrinted(level)) return;
  const line =
    process.env.NODE_ENV === 'production'
      ? JSON.stringify({ time: new Date().toISOString(), level, event, message, ...fields })
      : [message, ...Object.entries(fields).map(([name, value]) => `${name}=${JSON.stringify(value)}`)].join(
          ' ',
        );
  if (level === 'error' || level === 'warn') console.error(line);
  else console.log(line);
}

/** Whether lines of a level are printed. With a wrong `LOG_LEVEL` all are: one of them says what is wrong. */
export function isPrinted(level: LogLevel): boolean {
  let least: LogLevel = 'debug';
  try {
    least = readLogLevel(process.env);
  } catch {
    // `readSettings` reports it.
  }
  return logLevels.indexOf(level) <= logLevels.indexOf(least);
}

/** The text of an error that was thrown on purpose, for a line. */
export function messageOf(error: unknown): string {
  return escapeControlCharacters(error instanceof Error ? error.message : 'the settings cannot be read');
}

/** Hides names where no secret is set: the same name gives the same text until the process ends. */
const processSecret = randomBytes(32);

/** Most names in one line. */
const maxNames = 10;

/**
 * The names of channels for a line. The name of a private channel can be that of a person, as in `user.42`, and lines go to
 * more people than the feed. So in production it is replaced by a text that stands for it: `private-` and eight characters.
 */
export function namesForLine(
  channels: readonly string[],
  { isProduction, readTokenSecret }: Pick<Settings, 'isProduction' | 'readTokenSecret'>,
): readonly string[] {
  const hide = (channel: string) =>
    `private-${createHmac('sha256', readTokenSecret ?? processSecret)
      .update(channel)
      .digest('base64url')
      .slice(0, 8)}`;
  return channels
    .slice(0, maxNames)
    .map((channel) => (isProduction && !isPublic(channel) ? hide(channel) : channel));
}

/** Prints what tails report. */
export type TailLines = {
  onRepair(channel: string, events: number): void;
  onResubscribe(channel: string, reason: ResubscribeReason): void;
};

/** For how long reports of the same kind are gathered into one line, in ms: all tails of a process lose Redis together. */
const gatherMs = 1_000;

type Report = { readonly channels: Set<string>; times: number; events: number };

/** Nothing runs while there is nothing to report. */
export function createTailLines(settings: Settings, clock: Clock): TailLines {
  const open = new Map<'repair' | ResubscribeReason, Report>();

  function gather(kind: 'repair' | ResubscribeReason, channel: string, events: number): void {
    if (!isPrinted(kind === 'repair' ? 'info' : 'warn')) return;
    let report = open.get(kind);
    if (report === undefined) {
      report = { channels: new Set(), times: 0, events: 0 };
      open.set(kind, report);
      clock.after(gatherMs, () => print(kind));
    }
    report.channels.add(channel);
    report.times += 1;
    report.events += events;
  }

  function print(kind: 'repair' | ResubscribeReason): void {
    const report = open.get(kind);
    open.delete(kind);
    if (report === undefined) return;
    const { times, events } = report;
    const where = {
      channels: namesForLine([...report.channels], settings),
      channelCount: report.channels.size,
    };
    if (kind === 'repair') {
      printLine(
        'info',
        'repair',
        'steadfeed: Events were read from the log that no announcement had brought.',
        {
          ...{ repairs: times, events },
          ...where,
        },
      );
    } else {
      printLine('warn', 'resubscribe', 'steadfeed: The feed subscribes to the log again.', {
        ...{ reason: kind, subscriptions: times },
        ...where,
      });
    }
  }

  return {
    onRepair: (channel, events) => gather('repair', channel, events),
    onResubscribe: (channel, reason) => gather(reason, channel, 0),
  };
}
