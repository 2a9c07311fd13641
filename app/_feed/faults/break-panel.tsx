'use client';

import { useEffect, useState } from 'react';
import type { FeedEntry } from '../../../lib/client/feed-options.ts';
import { formatCount } from '../format.ts';
import styles from './fault-panel.module.css';
import { FaultPanel } from './fault-panel.tsx';

/*
 * Under `npm run demo` a proxy stands in front of the app. It answers below `/demo`, and makes the faults for real. The app has no
 * such route, so outside of the demo nothing can be broken with this panel.
 */

type DemoState = {
  readonly faults: readonly { readonly name: string; readonly title: string; readonly detail: string }[];
  /** The fault that runs now; null: none. */
  readonly running: string | null;
  /** The id of the newest event in the channel's log; null: not known. */
  readonly newestId: string | null;
};

type BreakPanelProps = {
  readonly channel: string;
  /** Events and gaps, newest first. */
  readonly entries: readonly FeedEntry[];
};

const everyMs = 1_000;

/** Buttons that break the connection, the server or the log, and a count of what is shown all the same. */
export function BreakPanel({ channel, entries }: BreakPanelProps) {
  const [told, setTold] = useState('Press a button, and watch the panel Continuity.');
  const state = useDemoState(channel);
  const running = state?.running ?? null;
  const run = async (name: string) => {
    setTold('');
    setTold(await runFault(name));
  };
  if (state === null) return null;
  const title = (name: string) => state.faults.find((fault) => fault.name === name)?.title ?? name;
  return (
    <FaultPanel note="for real, on this machine" title="Try to break it">
      <div className={styles.faults}>
        {state.faults.map((fault) => (
          <button
            aria-disabled={running !== null}
            aria-pressed={running === fault.name}
            className={styles.fault}
            key={fault.name}
            onClick={() => running === null && void run(fault.name)}
            type="button"
          >
            {fault.title} <span className={styles.detail}>{fault.detail}</span>
          </button>
        ))}
      </div>
      <ShownCount count={countShown(entries, state.newestId)} />
      <p aria-live="polite" className={styles.told}>
        {running === null ? told : `${title(running)} …`}
      </p>
    </FaultPanel>
  );
}

function ShownCount({ count }: { readonly count: Count }) {
  const { published, shown, unread, missing, twice, gone } = count;
  const parts = [
    [published, 'published'],
    [shown, 'shown'],
    ...(gone > 0 ? ([[gone, 'gone and reported']] as const) : []),
    [missing, gone > 0 ? 'more missing' : 'missing'],
    [twice, 'twice'],
    ...(unread > 0 ? ([[unread, 'not read yet']] as const) : []),
  ] as const;
  return (
    <ul className={styles.count} data-tone={missing + twice > 0 ? 'stopped' : 'live'}>
      {parts.map(([number, words]) => (
        <li key={words}>
          <strong className={styles.number}>{formatCount(number)}</strong> {words}
        </li>
      ))}
    </ul>
  );
}

type Count = {
  /** Events in the log from the oldest one that is shown. */
  readonly published: number;
  readonly shown: number;
  /** Events that the log has lost, as the feed has reported. */
  readonly gone: number;
  /** Events in the log after the newest one that is shown. */
  readonly unread: number;
  /** Events before the newest one that is shown, that are not shown and not reported as lost. */
  readonly missing: number;
  readonly twice: number;
};

/**
 * Counts from the ids alone: the numbers of a channel's events have no holes, so the ids of the first and the last event tell how
 * many there are.
 * @param entries events and gaps of one channel, newest first. What comes before a restart of the log does not count.
 * @param newestId the id of the newest event in the log; null: not known.
 */
export function countShown(entries: readonly FeedEntry[], newestId: string | null): Count {
  const restart = entries.findIndex((entry) => entry.kind === 'gap' && entry.gap.reason === 'restarted');
  const counted = restart === -1 ? entries : entries.slice(0, restart);
  const numbers = counted.flatMap((entry) => (entry.kind === 'event' ? [numberOf(entry.event.id)] : []));
  const [newest] = numbers;
  const oldest = numbers.at(-1);
  if (newest === undefined || oldest === undefined) {
    return { published: 0, shown: 0, gone: 0, unread: 0, missing: 0, twice: 0 };
  }
  const shown = new Set(numbers).size;
  const gone = counted.reduce(
    (sum, entry) => (entry.kind === 'gap' ? sum + (entry.gap.missed ?? 0) : sum),
    0,
  );
  const unread = newestId === null ? 0 : Math.max(0, numberOf(newestId) - newest);
  const upToNewest = newest - oldest + 1;
  return {
    published: upToNewest + unread,
    shown,
    gone,
    unread,
    missing: upToNewest - shown - gone,
    twice: numbers.length - shown,
  };
}

/** The number of an event in its channel: the second part of its id. */
function numberOf(id: string): number {
  return Number(id.split('-')[1]);
}

/** What the demo can do and does, asked once a second. Null before the first answer. */
function useDemoState(channel: string): DemoState | null {
  const [state, setState] = useState<DemoState | null>(null);
  useEffect(() => {
    const ask = async () => {
      const answer = await fetch(`/demo/state?channel=${encodeURIComponent(channel)}`).catch(() => null);
      if (answer?.ok) setState(await answer.json());
    };
    void ask();
    const timer = setInterval(ask, everyMs);
    return () => clearInterval(timer);
  }, [channel]);
  return state;
}

/** @returns what the demo says when the fault is over. */
async function runFault(name: string): Promise<string> {
  try {
    const answer = await fetch(`/demo/${name}`, { method: 'POST' });
    const { detail } = (await answer.json()) as { readonly detail: string };
    return detail;
  } catch {
    return 'The demo did not answer. Does `npm run demo` still run?';
  }
}
