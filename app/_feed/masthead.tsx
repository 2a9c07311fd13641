import type { ReactNode } from 'react';
import { defaultChannel } from '../../lib/core/ids.ts';
import styles from './masthead.module.css';

/** The bar at the top: name and channel of the feed, and beside them its status. */
export function Masthead({ channel, children }: { readonly channel: string; readonly children?: ReactNode }) {
  return (
    <header className={styles.masthead}>
      <div className={styles.name}>
        <h1>Steadfeed</h1>
        <ChannelForm channel={channel} />
      </div>
      {children}
    </header>
  );
}

/** The channel's name. Another one can be entered. It is an ordinary form, so it works without JavaScript. */
function ChannelForm({ channel }: { readonly channel: string }) {
  return (
    <form action="/" className={styles.channelForm}>
      <input
        aria-label="Channel"
        autoCapitalize="off"
        autoComplete="on"
        className={styles.channel}
        defaultValue={channel}
        maxLength={100}
        name="channel"
        placeholder={defaultChannel}
        size={Math.min(24, Math.max(6, channel.length))}
        spellCheck={false}
        title="Type another channel and press Enter"
      />
    </form>
  );
}
