import type { FeedStatus } from '../../lib/client/connection/status.ts';
import type { Gap } from '../../lib/core/continuity.ts';
import { countText } from './figures.ts';
import { gapWords } from './gap-words.ts';

/** What is told of a connection at one moment. */
export type LifeMoment = {
  readonly status: FeedStatus;
  readonly transport: 'stream' | 'poll' | null;
  /** Whether this tab reads for itself, for all of the browser's, or hears one that does. */
  readonly role: 'alone' | 'leader' | 'follower';
  readonly handovers: number;
  readonly reconnects: number;
  readonly holes: number;
  readonly gaps: readonly Gap[];
  /** What the server said when it refused; null where nothing was said. */
  readonly reason: string | null;
};

/** Something that happened to a connection. */
export type LifeStep = { readonly key: number; readonly time: number; readonly words: string };

/** Most steps kept. */
const most = 100;

const statusText: Readonly<Record<FeedStatus, string>> = {
  connecting: 'A stream is being opened',
  streaming: 'Live, by a stream',
  'handing over': 'The next stream is opening, this one goes on',
  waiting: 'Cut; waiting to try again',
  polling: 'Polling; streaming is tried again now and then',
  paused: 'Paused while hidden',
  offline: 'Offline',
  stopped: 'Stopped',
};

const roleText = {
  leader: 'This tab reads for all tabs of this feed',
  follower: 'Another tab reads for this one',
} as const;

/**
 * A connection's life, newest first, with what changed from one moment to the next.
 * @param time Unix time in ms.
 */
export function lifeAfter(
  life: readonly LifeStep[],
  before: LifeMoment,
  now: LifeMoment,
  time: number,
): readonly LifeStep[] {
  const words = changes(before, now);
  if (words.length === 0) return life;
  const next = (life[0]?.key ?? 0) + 1;
  const steps = words.map((text, index) => ({ key: next + index, time, words: text }));
  return [...steps.reverse(), ...life].slice(0, most);
}

function changes(before: LifeMoment, now: LifeMoment): string[] {
  const words: string[] = [];
  const rise = (name: 'handovers' | 'reconnects' | 'holes', text: string) => {
    if (now[name] > before[name]) words.push(`${text} (${countText(now[name])} so far)`);
  };
  rise('reconnects', 'A stream was lost');
  rise('holes', 'Events had been skipped; they are read again');
  rise('handovers', 'Handed over to the next stream');
  if (now.role !== before.role && now.role !== 'alone') words.push(roleText[now.role]);
  for (const gap of now.gaps) if (!before.gaps.includes(gap)) words.push(gapWords(gap, null));
  if (now.status !== before.status) {
    const why = now.reason !== null && now.reason !== before.reason ? `: ${now.reason}` : '';
    words.push(`${statusText[now.status]}${why}`);
  }
  return words;
}
