'use client';

import { lazy, memo, type ReactNode, Suspense, useEffect, useMemo, useRef, useState } from 'react';
import type { FeedEntry } from '../../lib/client/feed-options.ts';
import type { PollAdvice } from '../../lib/core/event.ts';
import type { ConnectionChange, ConnectionSnapshot } from './connection-history.ts';
import { EventList } from './event-list.tsx';
import styles from './feed-view.module.css';
import { Masthead } from './masthead.tsx';
import { EmptyFeed, NewEventsButton, NoMatch, NotLoaded, OlderEvents } from './notices.tsx';
import { useDialogs, useLinkedEvent } from './open-dialog.ts';
import { scrollToNewest, useIsReading, useNewCount, usePausedList } from './reading-position.ts';
import type { FeedRecord } from './ribbon/record.ts';
import { Announcer, Charts, Ribbon } from './ribbon/ribbon.tsx';
import { useShortcuts } from './shortcuts.ts';
import { describeStatus, pausedListStatus, StatusBar } from './status-bar.tsx';
import { TimeDisplayContext } from './time.tsx';
import { createEntryFilter, isFiltering, listTypes, noFilter, Toolbar } from './toolbar.tsx';
import { usePreference } from './use-preference.ts';

/** Parts of the page that are loaded when its reader opens them. A page may outlive the build that it belongs to. */
const notLoaded = () => ({ default: NotLoaded });
const loadDialogs = () => import('./dialogs.tsx');
const ConnectionPanel = lazy(() =>
  import('./connection-panel.tsx').then((file) => ({ default: file.ConnectionPanel }), notLoaded),
);
const EventDialog = lazy(() => loadDialogs().then((file) => ({ default: file.EventDialog }), notLoaded));
const HelpDialog = lazy(() => loadDialogs().then((file) => ({ default: file.HelpDialog }), notLoaded));
const MissingDialog = lazy(() => loadDialogs().then((file) => ({ default: file.MissingDialog }), notLoaded));

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
  /** Other channels that the menu offers. */
  readonly offeredChannels: readonly string[];
  /** Panels beside the list, below the charts; on a narrow screen above the list. */
  readonly sidePanels: ReactNode;
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
    onMissing: dialogs.openMissing,
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
        <Masthead channel={channel} hasMenu={!props.isWall} offered={props.offeredChannels}>
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
          <Ribbon
            cursor={props.cursor}
            handovers={connection.handovers}
            isMissedExact={connection.gaps.every(({ missed, exact }) => missed !== null && exact)}
            loaded={countEvents(entries)}
            lost={connection.reconnects}
            missed={connection.gaps.reduce((sum, { missed }) => sum + (missed ?? 0), 0)}
            record={record}
            shown={countEvents(shown)}
          />
          <div className={styles.side}>
            {isPanelOpen && (
              <Suspense>
                <ConnectionPanel
                  connection={connection}
                  cursor={props.cursor}
                  history={props.history}
                  onClose={togglePanel}
                  retryAt={retryAt}
                  skewMs={skewMs}
                />
              </Suspense>
            )}
            <Charts record={record} />
            {!props.isWall && props.sidePanels}
          </div>
          <div className={styles.list}>
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
              <EmptyFeed channel={channel} />
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
          </div>
        </main>
        <NewEventsButton count={newCount} onClick={showNewest} />
        <Announcer record={record} />
        <Suspense>
          {dialogs.open?.kind === 'event' && (
            <EventDialog event={dialogs.open.event} onClose={dialogs.close} />
          )}
          {dialogs.open?.kind === 'help' && (
            <HelpDialog
              areShortcutsOn={keys === 'on'}
              onClose={dialogs.close}
              onShortcutsChange={(areOn) => setKeys(areOn ? 'on' : 'off')}
            />
          )}
          {dialogs.open?.kind === 'missing' && (
            <MissingDialog id={dialogs.open.id} onClose={dialogs.close} retention={retention} />
          )}
        </Suspense>
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
