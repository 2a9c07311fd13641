import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Gap } from '../../../../lib/core/continuity.ts';
import { compareEventIds, parseEventId } from '../../../../lib/core/ids.ts';
import type { Reader, ReaderOrder } from './reader.ts';

const script = fileURLToPath(new URL('../../../../scripts/tail.ts', import.meta.url));
const gapPattern =
  /^gap: channel (\S+) lost (?:(an unknown number of)|(at most )?(\d+)) events \((\w+)\) after (\S+)\. It continues at (.*)\.$/;

/** A reader in a process of its own, which can be frozen and resumed. */
export type TailReader = Reader & { signal(signal: NodeJS.Signals): void };

/** Starts `npm run tail -- --json` as a process. */
export function startTailReader({ url, channels, types, record }: ReaderOrder): TailReader {
  const args = ['--json', '--url', url, '--rewind', 'all'];
  for (const channel of channels) args.push('--channel', channel);
  for (const type of types ?? []) args.push('--type', type);
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  let said = '';
  let code: number | null = null;
  let isEnding = false;
  /** Gaps arrive on stderr, events on stdout. A gap is recorded before the first event that follows it. */
  const gaps: Gap[] = [];
  const tellGaps = (channel: string, id: string) => {
    for (const gap of gaps.filter((each) => each.channel === channel && isAhead(each, id))) {
      gaps.splice(gaps.indexOf(gap), 1);
      record.gap(gap);
    }
  };
  createInterface(child.stdout).on('line', (line) => {
    const event = JSON.parse(line);
    // The two pipes are not in step: wait a moment for a gap that comes before this event.
    setTimeout(() => {
      tellGaps(event.channel, event.id);
      record.event(event);
    }, 50);
  });
  createInterface(child.stderr).on('line', (line) => {
    said = line;
    const gap = parseGap(line);
    if (gap !== null) gaps.push(gap);
  });
  child.once('close', (status) => {
    code = status ?? -1;
    process.off('exit', kill);
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    record,
    state: () => said,
    gaveUp: () => (code === null || isEnding ? null : `ended with ${code}: ${said}`),
    signal: (signal) => void child.kill(signal),
    async close() {
      isEnding = true;
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Whether the gap comes before an event. Events stored after a loss have later times than all lost events. */
function isAhead({ after, resumesAt }: Gap, id: string): boolean {
  const order = compareEventIds(parseEventId(id, 'id'), parseEventId(resumesAt ?? after, 'gap'));
  return resumesAt === null ? order > 0 : order >= 0;
}

function parseGap(line: string): Gap | null {
  const [, channel, unknown, atMost, missed, reason, after, resumesAt] = gapPattern.exec(line) ?? [];
  if (channel === undefined || after === undefined) return null;
  return {
    channel,
    reason: reason === 'trimmed' ? 'trimmed' : 'restarted',
    missed: unknown === undefined ? Number(missed) : null,
    exact: unknown === undefined && atMost === undefined,
    after,
    resumesAt: resumesAt === 'the next event' ? null : (resumesAt ?? null),
  };
}
