import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { FeedEntry } from '../../lib/client/feed-options.ts';
import type { FeedEvent } from '../../lib/core/event.ts';
import { parseSeq } from './format.ts';

/** The dialog that is open over the page: an event in full, the keys, or that the event of a link is not there. */
type OpenDialog =
  | { readonly kind: 'event'; readonly event: FeedEvent }
  | { readonly kind: 'help' }
  | { readonly kind: 'missing'; readonly id: string };

/** Holds which dialog is open; at most one. Its functions never change, so that they cause no render of the rows. */
export function useDialogs() {
  const [open, setOpen] = useState<OpenDialog | null>(null);
  const actions = useMemo(
    () => ({
      openEvent(event: FeedEvent) {
        setOpen({ kind: 'event', event });
        setHash(event.id);
      },
      openHelp: () => setOpen({ kind: 'help' }),
      openMissing: (id: string) => setOpen({ kind: 'missing', id }),
      close() {
        setOpen(null);
        setHash('');
      },
    }),
    [],
  );
  return { open, ...actions };
}

/** The address of the page names the event that is open, so that it is open again after a reload. */
function setHash(id: string): void {
  const { pathname, search } = window.location;
  window.history.replaceState(window.history.state, '', `${pathname}${search}${id && `#${id}`}`);
}

/** Most pages of older events that are loaded to find the event of a link. */
const maxPages = 20;

/** How long an event may be missing before the page says so, in ms: the last page may not be in the list yet. */
const patienceMs = 2_000;

type LinkSearch = {
  /** Newest first. */
  readonly entries: readonly FeedEntry[];
  readonly hasOlder: boolean;
  /** Loads a page of older events. @returns false if that failed. */
  readonly loadOlder: () => Promise<boolean>;
  readonly onFound: (event: FeedEvent) => void;
  readonly onMissing: (id: string) => void;
};

/** Opens the event that the address names (`#<id>`), once. It loads older events until the list reaches back to it. */
export function useLinkedEvent({ entries, hasOlder, loadOlder, onFound, onMissing }: LinkSearch): void {
  const search = useRef({ id: '', pages: 0, missingSince: Number.POSITIVE_INFINITY });
  const end = useCallback(() => {
    search.current.id = '';
  }, []);
  useEffect(() => {
    const id = window.location.hash.slice(1);
    if (parseSeq(id) !== null) search.current.id = id;
  }, []);
  useEffect(() => {
    const { id, pages } = search.current;
    if (id === '') return;
    const found = entries.find((entry) => entry.kind === 'event' && entry.event.id === id);
    if (found?.kind === 'event') {
      end();
      onFound(found.event);
      return;
    }
    const oldest = entries.findLast((entry) => entry.kind === 'event');
    const isOlder = oldest?.kind === 'event' && (parseSeq(oldest.event.id) ?? 0) > (parseSeq(id) ?? 0);
    if (isOlder && hasOlder && pages < maxPages) {
      search.current.pages += 1;
      void loadOlder();
      return;
    }
    search.current.missingSince = Math.min(search.current.missingSince, performance.now());
    const say = () => {
      end();
      onMissing(id);
    };
    const timer = setTimeout(say, search.current.missingSince + patienceMs - performance.now());
    return () => clearTimeout(timer);
  }, [entries, hasOlder, loadOlder, onFound, onMissing, end]);
}
