import { type ConnectionSettings, defaultSettings } from '../config/client-timing.ts';
import { defaultChannel } from '../core/ids.ts';
import type { FeedOptions } from './feed-options.ts';
import type { FeedQuery } from './feed-request.ts';

/** What the requests of a feed ask for, defaults filled in. */
export function queryOf(options: FeedOptions): FeedQuery {
  const { url = '', channels = [defaultChannel], types = [], rewind = '' } = options;
  return { url, channels: [...new Set(channels)], types, rewind };
}

/** A connection's tunables: the app's, else the defaults. */
export function settingsOf(options: FeedOptions, query: FeedQuery): ConnectionSettings {
  const tunables = Object.fromEntries(
    Object.entries(options).filter(([name, value]) => name in defaultSettings && value !== undefined),
  );
  return {
    ...defaultSettings,
    ...tunables,
    channels: query.channels,
    isFiltered: query.types.length > 0,
    hasToken: options.getToken !== undefined,
  };
}
