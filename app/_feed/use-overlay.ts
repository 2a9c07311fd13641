import { useCallback, useState } from 'react';
import type { FeedEvent } from '../../lib/core/event.ts';

/** The one dialog that is open over the page, if any. */
export type Overlay = {
  /** The event that is shown in full; null while none is. */
  readonly event: FeedEvent | null;
  readonly isHelpOpen: boolean;
  openEvent(event: FeedEvent): void;
  openHelp(): void;
  close(): void;
};

/** Holds which dialog is open. Its functions stay the same, so that rows need not be rendered for them. */
export function useOverlay(): Overlay {
  const [open, setOpen] = useState<FeedEvent | 'help' | null>(null);
  const openEvent = useCallback((event: FeedEvent) => setOpen(event), []);
  const openHelp = useCallback(() => setOpen('help'), []);
  const close = useCallback(() => setOpen(null), []);
  return { event: open === 'help' ? null : open, isHelpOpen: open === 'help', openEvent, openHelp, close };
}
