'use client';

import { memo, type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import type { FeedEntry } from '../../lib/client/feed-options.ts';
import type { PollAdvice } from '../../lib/core/event.ts';
import { type ConnectionChange, ConnectionPanel, type ConnectionSnapshot } from './connection-panel.tsx';
import { EventDialog, HelpDialog, useDialogs, useLinkedEvent } from './dialogs.tsx';
import { EventList } from './event-list.tsx';
import styles from './feed-view.module.css';
import { Masthead } from './masthead.tsx';
import { EmptyFeed, NewEventsButton, NoMatch, OlderEvents } from './notices.tsx';
import { scrollToNewest, useIsReading, useNewCount, usePausedList } from './reading-position.ts';
import type { FeedRecord } from './ribbon/record.ts';
import { Announcer, Overview } from './ribbon/ribbon.tsx';
import { useShortcuts } from './shortcuts.ts';
import { describeStatus, pausedListStatus, StatusBar } from './status-bar.tsx';
import { TimeDisplayContext } from './time.tsx';
import { createEntryFilter, isFiltering, listTypes, noFilter, Toolbar } from './toolbar.tsx';
import { usePreference } from './use-preference.ts';

type FeedViewProps = {
  readonly channel: string;
  /** Whether it is shown on a wall: large, without controls, and the screen stays on. */
  readonly isWall: boolean;
  /** Events and gaps, newest first. */
  readonly entries: readonly FeedEntry[];
  /** What happened on this page in the last minutes. */
  readonly record: FeedRecord;
  /** Unix time in ms at which the server rendered the page. */
  readonly renderedAt: number;
  /** Events the log keeps per channel; null if that is not known. */
  readonly retention: number | null;
  readonly connection: ConnectionSnapshot;
  /** What happened to the connection, newest first. */
  readonly history: readonly ConnectionChange[];
  /** How the server wants to be polled. */
  readonly poll: PollAdvice;
  /** Unix time in ms of the next try; null if none is planned. */
  readonly retryAt: number | null;
  readonly cursor: string | null;
  /** How far the reader's clock is ahead of the server's, in ms. */
  readonly skewMs: number;
  readonly onRetry: () => void;
  readonly hasOlder: boolean;
  readonly isLoadingOlder: boolean;
  /** Loads a page of older events. @returns false if that failed. */
  readonly loadOlder: () => Promise<boolean>;
  /** Buttons that disturb the connection; null outside development. */
  readonly faultButtons: ReactNode;
};

/** The feed page as the reader sees it. It does not know where its events come from. */
export const FeedView = memo(function FeedView(props: FeedViewProps) {
  const { channel, retention, connection, record, renderedAt, retryAt, skewMs, onRetry } = props;
  const { status } = connection;
  const list = useRef<HTMLDivElement>(null);
  const search = useRef<HTMLInputElement>(null);
  const [filter, setFilter] = useState(noFilter);
  const [times, setTimes] = usePreference('times', ['clock', 'ago'], 'clock');
  const [keys, setKeys] = usePreference('keys', ['on', 'off'], 'on');
  const [isPanelOpen, setPanelOpen] = useState(false);
  const dialogs = useDialogs();
  useLinkedEvent({
    entries: props.entries,
    hasOlder: props.hasOlder,
    loadOlder: props.loadOlder,
    onFound: dialogs.openEvent,
  });
  useScreenLock(props.isWall);
  const pausedList = usePausedList(props.entries);
  const isReading = useIsReading(list);
  const newCount = useNewCount(props.entries, isReading || pausedList.isPaused);

  const { entries } = pausedList;
  const isShown = useMemo(() => (isFiltering(filter) ? createEntryFilter(filter) : null), [filter]);
  const shown = useMemo(() => (isShown === null ? entries : entries.filter(isShown)), [entries, isShown]);
  const types = useMemo(() => listTypes(props.entries), [props.entries]);
  const timeDisplay = useMemo(() => ({ style: times, skewMs, renderedAt }), [times, skewMs, renderedAt]);

  const isReceiving =
    status === 'streaming' || status === 'handing over' || status === 'polling' || status === 'resting';
  const statusText =
    pausedList.isPaused && isReceiving
      ? pausedListStatus
      : describeStatus(status, connection.reason, props.poll, connection.pollingReason);
  const showNewest = () => {
    if (pausedList.isPaused) pausedList.toggle();
    scrollToNewest(list.current);
  };
  const toggleTimes = () => setTimes(times === 'ago' ? 'clock' : 'ago');
  const togglePanel = () => setPanelOpen(!isPanelOpen);
  useShortcuts(
    {
      n: showNewest,
      p: pausedList.toggle,
      '/': () => search.current?.focus(),
      t: toggleTimes,
      c: togglePanel,
      '?': dialogs.openHelp,
      ...(isPanelOpen && { Escape: togglePanel }),
    },
    keys === 'on' && !props.isWall,
  );

  return (
    <TimeDisplayContext value={timeDisplay}>
      <div
        className={[styles.page, isPanelOpen && styles.withPanel, props.isWall && styles.wall]
          .filter(Boolean)
          .join(' ')}
        data-tone={statusText.tone}
        data-view={props.isWall ? 'wall' : undefined}
      >
        <Masthead channel={channel}>
          <StatusBar
            onRetry={onRetry}
            retry={status === 'waiting' || status === 'stopped' ? status : null}
            retryAt={retryAt}
            text={statusText}
          />
          <noscript>
            <p>
              Without JavaScript this page does not update by itself.{' '}
              <a href={`?channel=${encodeURIComponent(channel)}`}>Reload the page</a>
            </p>
          </noscript>
        </Masthead>
        <main className={styles.main}>
          <Overview
            cursor={props.cursor}
            handovers={connection.handovers}
            isMissedExact={connection.gaps.every(({ missed, exact }) => missed !== null && exact)}
            loaded={countEvents(entries)}
            lost={connection.reconnects}
            missed={connection.gaps.reduce((sum, { missed }) => sum + (missed ?? 0), 0)}
            record={record}
            shown={countEvents(shown)}
          />
          {!props.isWall && (
            <Toolbar
              filter={filter}
              isConnectionOpen={isPanelOpen}
              isPaused={pausedList.isPaused}
              onConnection={togglePanel}
              onFilter={(next) => {
                setFilter(next);
                window.scrollTo({ top: 0, behavior: 'instant' });
              }}
              onHelp={dialogs.openHelp}
              onPause={pausedList.toggle}
              onTimes={toggleTimes}
              search={search}
              times={times}
              types={types}
            />
          )}
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
                  isReading={isReading}
                  isRecent={record.isRecent}
                  list={list}
                  onOpen={dialogs.openEvent}
                  retention={retention}
                />
              )}
              {!props.isWall && (
                <OlderEvents
                  hasOlder={props.hasOlder}
                  isLoading={props.isLoadingOlder}
                  load={props.loadOlder}
                  loadsByItself={isShown === null}
                  retention={retention}
                />
              )}
            </>
          )}
        </main>
        <NewEventsButton count={newCount} onClick={showNewest} />
        <Announcer record={record} />
        {isPanelOpen && (
          <ConnectionPanel
            connection={connection}
            cursor={props.cursor}
            history={props.history}
            onClose={togglePanel}
            retryAt={retryAt}
            skewMs={skewMs}
          >
            {props.faultButtons}
          </ConnectionPanel>
        )}
        {dialogs.event !== null && <EventDialog event={dialogs.event} onClose={dialogs.close} />}
        {dialogs.isHelpOpen && (
          <HelpDialog
            areShortcutsOn={keys === 'on'}
            onClose={dialogs.close}
            onShortcutsChange={(areOn) => setKeys(areOn ? 'on' : 'off')}
          />
        )}
      </div>
    </TimeDisplayContext>
  );
});

/** Keeps the screen on while the page is visible, where the browser can do that. */
function useScreenLock(isWanted: boolean): void {
  useEffect(() => {
    if (!isWanted) return;
    const ended = new AbortController();
    // The browser ends the lock when the page is hidden. It refuses one for example when the battery is low.
    const lock = () => {
      if (document.visibilityState === 'visible')
        navigator.wakeLock?.request('screen').catch(() => undefined);
    };
    lock();
    document.addEventListener('visibilitychange', lock, { signal: ended.signal });
    return () => ended.abort();
  }, [isWanted]);
}

/** The number of events among entries; the others are gaps. */
function countEvents(entries: readonly FeedEntry[]): number {
  return entries.reduce((count, entry) => (entry.kind === 'event' ? count + 1 : count), 0);
}
