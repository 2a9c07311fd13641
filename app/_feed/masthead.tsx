import type { ReactNode } from 'react';
import { defaultChannel } from '../../lib/core/ids.ts';
import styles from './masthead.module.css';

type MastheadProps = {
  readonly channel: string;
  /** Channels that the menu offers; any other can be entered. Default: only the default channel. */
  readonly offered?: readonly string[];
  /** Whether another channel can be chosen. Default: true. */
  readonly hasMenu?: boolean;
  readonly children?: ReactNode;
};

/** The bar at the top: name and channel of the feed, and beside them its status. */
export function Masthead({ channel, offered = [defaultChannel], hasMenu = true, children }: MastheadProps) {
  return (
    <header className={styles.masthead}>
      <div className={styles.name}>
        <Mark />
        <h1>Steadfeed</h1>
        {hasMenu ? (
          <ChannelMenu channel={channel} offered={offered} />
        ) : (
          <span className={styles.plainChannel}>{channel}</span>
        )}
      </div>
      {children}
    </header>
  );
}

/** Two streams, one after the other, that overlap. */
export function Mark() {
  return <span className={styles.mark} />;
}

type ChannelMenuProps = { readonly channel: string; readonly offered: readonly string[] };

/** The channel's name, and a menu with others. It consists of links and an ordinary form, so it works without JavaScript. */
function ChannelMenu({ channel, offered }: ChannelMenuProps) {
  return (
    <>
      <button className={styles.channel} popoverTarget="channels" title="Change the channel" type="button">
        <span className={styles.channelName}>{channel}</span>
      </button>
      <nav aria-label="Channels" className={styles.menu} id="channels" popover="auto">
        <ul className={styles.channels}>
          {offered.map((name) => (
            <li key={name}>
              <a
                aria-current={name === channel ? 'page' : undefined}
                className={styles.offered}
                href={`?channel=${encodeURIComponent(name)}`}
              >
                {name}
              </a>
            </li>
          ))}
        </ul>
        <form action="/" className={styles.channelForm}>
          <input
            aria-label="Channel"
            autoCapitalize="off"
            autoComplete="on"
            className={styles.channelInput}
            maxLength={100}
            name="channel"
            placeholder="Another channel"
            required
            spellCheck={false}
          />
          <button className={styles.go} type="submit">
            Open
          </button>
        </form>
      </nav>
    </>
  );
}
