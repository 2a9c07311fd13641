import type { ReactNode } from 'react';
import { defaultChannel } from '../../lib/core/ids.ts';
import styles from './masthead.module.css';

/** The bar on top: whose feed this is and, beside it, what it is doing. */
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

/** Which channel is shown, and the way to another. A form of the browser's own: it works without scripts. */
export function ChannelForm({ channel }: { readonly channel: string }) {
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
