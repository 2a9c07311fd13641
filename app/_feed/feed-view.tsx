'use client';

import { memo, type ReactNode, useMemo, useRef, useState } from 'react';
import type { FeedEntry } from '../../lib/client/transport/feed-items.ts';
import type { PollAdvice } from '../../lib/core/event.ts';
import { Announcer, Counters, type Pulse, PulseCharts } from './activity.tsx';
import { ConnectionDrawer, type LifeMoment, type LifeStep } from './connection-panel.tsx';
import { EventWindow, HelpWindow, useOverlay } from './dialogs.tsx';
import { EventList } from './event-list.tsx';
import styles from './feed-view.module.css';
import { Masthead } from './masthead.tsx';
import { EmptyFeed, NewEvents, NoMatch, OlderEvents } from './notices.tsx';
import { showTop, useHeld, useNewCount, useStandstill } from './reading-position.ts';
import { useShortcuts } from './shortcuts.ts';
import { StatusPill, standstillWords, statusWords } from './status-bar.tsx';
import { TimeSenseContext } from './time.tsx';
import { entryTest, isFiltering, noFilter, Toolbar, typesOf } from './toolbar.tsx';
import { usePreference } from './use-preference.ts';

type FeedViewProps = {
  readonly channel: string;
  /** Events and gaps, newest first. */
  readonly entries: readonly FeedEntry[];
  readonly pulse: Pulse;
  /** Events the log keeps per channel; null where that is not known. */
  readonly retention: number | null;
  readonly moment: LifeMoment;
  /** Newest first. */
  readonly life: readonly LifeStep[];
  /** How the server wants to be polled. */
  readonly poll: PollAdvice;
  /** Unix time in ms of the next try; null while none is waited for. */
  readonly retryAt: number | null;
  readonly cursor: string | null;
  /** How far the reader's clock is ahead of the server's, in ms. */
  readonly skewMs: number;
  readonly onRetry: () => void;
  readonly hasOlder: boolean;
  readonly isLoadingOlder: boolean;
  /** Loads a page of older events. @returns false when it could not. */
  readonly loadOlder: () => Promise<boolean>;
  /** Means to disturb the connection; null outside development. */
  readonly disturb: ReactNode;
};

/** The look of the feed page. It does not know where its events come from. */
export const FeedView = memo(function FeedView(props: FeedViewProps) {
  const { channel, retention, moment, pulse, retryAt, skewMs, onRetry } = props;
  const { status } = moment;
  const list = useRef<HTMLDivElement>(null);
  const search = useRef<HTMLInputElement>(null);
  const [filter, setFilter] = useState(noFilter);
  const [times, setTimes] = usePreference('times', ['clock', 'ago'], 'clock');
  const [keys, setKeys] = usePreference('keys', ['on', 'off'], 'on');
  const [isDrawerOpen, setDrawerOpen] = useState(false);
  const overlay = useOverlay();
  const standstill = useStandstill(props.entries);
  const isHeld = useHeld(list);
  const newCount = useNewCount(props.entries, isHeld || standstill.isPaused);

  const { entries } = standstill;
  const test = useMemo(() => (isFiltering(filter) ? entryTest(filter) : null), [filter]);
  const shown = useMemo(() => (test === null ? entries : entries.filter(test)), [entries, test]);
  const types = useMemo(() => typesOf(props.entries), [props.entries]);
  const timeSense = useMemo(() => ({ style: times, skewMs }), [times, skewMs]);
  const { isFresh } = pulse;

  const isWell = status === 'streaming' || status === 'handing over' || status === 'polling';
  const words =
    standstill.isPaused && isWell ? standstillWords : statusWords(status, moment.reason, props.poll);
  const jump = () => {
    if (standstill.isPaused) standstill.toggle();
    showTop(list.current);
  };
  const toggleTimes = () => setTimes(times === 'ago' ? 'clock' : 'ago');
  const toggleDrawer = () => setDrawerOpen(!isDrawerOpen);
  useShortcuts(
    {
      n: jump,
      p: standstill.toggle,
      '/': () => search.current?.focus(),
      t: toggleTimes,
      c: toggleDrawer,
      '?': overlay.openHelp,
      ...(isDrawerOpen && { Escape: toggleDrawer }),
    },
    keys === 'on',
  );

  return (
    <TimeSenseContext value={timeSense}>
      <div className={isDrawerOpen ? `${styles.page} ${styles.beside}` : styles.page} data-tone={words.tone}>
        <Masthead channel={channel}>
          <StatusPill
            onRetry={onRetry}
            retry={status === 'waiting' || status === 'stopped' ? status : null}
            retryAt={retryAt}
            words={words}
          />
          <noscript>
            <p>
              Without JavaScript this list does not update by itself.{' '}
              <a href={`/?channel=${encodeURIComponent(channel)}`}>Reload it</a>
            </p>
          </noscript>
        </Masthead>
        <main className={styles.main}>
          <Toolbar
            filter={filter}
            isConnectionOpen={isDrawerOpen}
            isPaused={standstill.isPaused}
            onConnection={toggleDrawer}
            onFilter={(next) => {
              setFilter(next);
              window.scrollTo({ top: 0, behavior: 'instant' });
            }}
            onHelp={overlay.openHelp}
            onPause={standstill.toggle}
            onTimes={toggleTimes}
            search={search}
            times={times}
            types={types}
          />
          <Counters
            cursor={props.cursor}
            handovers={moment.handovers}
            of={eventsIn(entries)}
            shown={eventsIn(shown)}
            transport={moment.transport}
          >
            <PulseCharts pulse={pulse} />
          </Counters>
          {entries.length === 0 ? (
            <EmptyFeed />
          ) : (
            <>
              {shown.length === 0 ? (
                <NoMatch onClear={() => setFilter(noFilter)} />
              ) : (
                <EventList
                  entries={shown}
                  isBusy={props.isLoadingOlder}
                  isFresh={isFresh}
                  isHeld={isHeld}
                  list={list}
                  onOpen={overlay.openEvent}
                  retention={retention}
                />
              )}
              <OlderEvents
                hasOlder={props.hasOlder}
                isAutomatic={test === null}
                isLoading={props.isLoadingOlder}
                load={props.loadOlder}
                retention={retention}
              />
            </>
          )}
        </main>
        <NewEvents count={newCount} onJump={jump} />
        <Announcer pulse={pulse} />
        {isDrawerOpen && (
          <ConnectionDrawer
            cursor={props.cursor}
            life={props.life}
            moment={moment}
            onClose={toggleDrawer}
            retryAt={retryAt}
            skewMs={skewMs}
          >
            {props.disturb}
          </ConnectionDrawer>
        )}
        {overlay.event !== null && <EventWindow event={overlay.event} onClose={overlay.close} />}
        {overlay.isHelpOpen && (
          <HelpWindow
            areKeysOn={keys === 'on'}
            onClose={overlay.close}
            onKeysChange={(areOn) => setKeys(areOn ? 'on' : 'off')}
          />
        )}
      </div>
    </TimeSenseContext>
  );
});

/** How many of the entries are events. */
function eventsIn(entries: readonly FeedEntry[]): number {
  return entries.reduce((count, entry) => (entry.kind === 'event' ? count + 1 : count), 0);
}
