import { FeedError } from '../core/feed-error.ts';
import { isName } from '../core/ids.ts';
import { excerpt } from '../core/safe-text.ts';
import { type ChannelRules, defaultRules } from './event-log.ts';

/** A line of `lib/config/channels.ts`. */
type Line = { readonly channels: string } & Partial<Readonly<Record<keyof ChannelRules, number>>>;

/** The range of each rule. */
export const ruleRanges: Readonly<Record<keyof ChannelRules, readonly [min: number, max: number]>> = {
  retentionEvents: [1, 10_000_000],
  // Ten years.
  retentionSeconds: [1, 315_360_000],
  expireAfterEndSeconds: [1, 315_360_000],
  maxSubjects: [0, 100_000],
};

/**
 * Checks the lines, and returns the rules of each channel: those of the first line that fits it.
 * @param retentionEvents for channels whose line does not say how many events they keep.
 * @throws FeedError `misconfigured`, naming the line and what is wrong.
 */
export function createChannelRules(
  lines: readonly Line[],
  retentionEvents: number,
): (channel: string) => ChannelRules {
  for (const [index, line] of lines.entries()) {
    const fault = findFault(line, lines.slice(0, index));
    if (fault === null) continue;
    const what = `line ${index + 1} (${excerpt(JSON.stringify(line.channels) ?? 'no channels')})`;
    throw new FeedError('misconfigured', `lib/config/channels.ts: ${what}: ${fault}`);
  }
  const defaults = defaultRules(retentionEvents);
  const known = lines.map(({ channels, ...own }) => ({ channels, rules: { ...defaults, ...own } }));
  return (channel) => known.find(({ channels }) => fits(channels, channel))?.rules ?? defaults;
}

/** What is wrong with a line; null: nothing. */
function findFault({ channels, ...rules }: Line, before: readonly Line[]): string | null {
  if (!isPattern(channels))
    return 'channels is neither a name nor the beginning of names followed by *. Write job.7, job.* or *.';
  for (const [name, value] of Object.entries(rules)) {
    const range = Object.hasOwn(ruleRanges, name) ? ruleRanges[name as keyof ChannelRules] : null;
    if (range === null) return `"${excerpt(name)}" is not a rule. Use ${Object.keys(ruleRanges).join(', ')}.`;
    const [min, max] = range;
    if (!Number.isInteger(value) || value < min || value > max)
      return `${name} is ${excerpt(String(value))}. Use a whole number from ${min} to ${max}, or leave it out.`;
  }
  const earlier = before.findIndex((line) => fits(line.channels, channels));
  if (earlier === -1) return null;
  return `it never applies, because line ${earlier + 1} (${JSON.stringify(before[earlier]?.channels)}) fits the same channels. Put it before that line.`;
}

function isPattern(text: unknown): boolean {
  return typeof text === 'string' && (text === '*' || isName(text.replace(/\*$/, '')));
}

/** Whether a pattern fits a channel; or every channel of another pattern. */
function fits(pattern: string, channel: string): boolean {
  return pattern.endsWith('*') ? channel.startsWith(pattern.slice(0, -1)) : channel === pattern;
}
