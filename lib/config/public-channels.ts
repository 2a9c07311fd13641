import { defaultChannel } from '../core/ids.ts';

/**
 * Whether everyone may read a channel without a token, even if `READ_TOKEN_SECRET` is set. Edit it to make other channels
 * public. The server and the browser use this rule: tabs share a connection without a token only for public channels. So
 * this file must import nothing that belongs to the server.
 */
export function isPublic(channel: string): boolean {
  return channel === defaultChannel || channel.startsWith('public:');
}
