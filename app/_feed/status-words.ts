import type { FeedStatus } from '../../lib/client/feed-status.ts';

/** A status as a reader is told of it. */
export type StatusWords = {
  readonly word: string;
  /** What is happening, in a short sentence. It holds no running number: it is announced when it changes. */
  readonly sentence: string;
  /** Carried by the page's one accent: all is well; on the way; resting; at its end. */
  readonly tone: 'live' | 'moving' | 'resting' | 'stopped';
};

/** @param reason what the server said when it refused; null where nothing was said. */
export function statusWords(status: FeedStatus, reason: string | null): StatusWords {
  switch (status) {
    case 'connecting':
      return { word: 'Connecting', sentence: 'The stream is being opened.', tone: 'moving' };
    case 'streaming':
      return { word: 'Live', sentence: 'Events appear as they are published.', tone: 'live' };
    case 'handing over':
      return { word: 'Handing over', sentence: 'The next stream is opening; nothing is lost.', tone: 'live' };
    case 'waiting':
      return { word: 'Waiting', sentence: 'The server did not answer; connecting again', tone: 'moving' };
    case 'polling':
      return {
        word: 'Polling',
        sentence: 'Asking again and again; streaming is tried on the way.',
        tone: 'moving',
      };
    case 'paused':
      return {
        word: 'Paused',
        sentence: 'Hidden for a while; it goes on from here when shown.',
        tone: 'resting',
      };
    case 'offline':
      return {
        word: 'Offline',
        sentence: 'No network; it goes on from here when there is one.',
        tone: 'resting',
      };
    case 'stopped':
      return {
        word: 'Stopped',
        sentence: reason ?? 'It was closed; it can go on from here.',
        tone: 'stopped',
      };
    default:
      return status satisfies never;
  }
}
