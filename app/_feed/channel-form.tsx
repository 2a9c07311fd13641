import { defaultChannel } from '../../lib/core/ids.ts';
import styles from './channel-form.module.css';

/** Which channel is shown, and the way to another. A form of the browser's own: it works without scripts. */
export function ChannelForm({ channel }: { readonly channel: string }) {
  return (
    <form action="/" className={styles.form}>
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
