import { excerpt } from './event-id.ts';
import { FeedError } from './feed-error.ts';

/** The channel of a request or event that names none. */
export const defaultChannel = 'feed';

/** The type of an event that names none. */
export const defaultType = 'message';

/** Whether a channel is read without a token, whatever is set (`docs/private-channels.md`). */
export function isPublic(channel: string): boolean {
  return channel === defaultChannel || channel.startsWith('public:');
}

const pattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$/;

/** Whether `text` may name a channel or a type. A name of digits alone is legal and stays text. */
export function isName(text: unknown): text is string {
  return typeof text === 'string' && pattern.test(text);
}

/** What is said of a text that is no name. */
export const notAName =
  'is not a name; allowed are 1 to 100 characters A-Z a-z 0-9 . _ : - that begin with a letter or digit';

/**
 * Gives `text` back when it may name a channel or a type.
 * @param what names the part in the error, for example `channel` or `events[3].type`.
 * @throws FeedError `bad-request`
 */
export function parseName(text: unknown, what: string): string {
  if (isName(text)) return text;
  const found = typeof text === 'string' ? `"${excerpt(text)}"` : `a ${text === null ? 'null' : typeof text}`;
  throw new FeedError('bad-request', `${what}: ${found} ${notAName}`);
}
