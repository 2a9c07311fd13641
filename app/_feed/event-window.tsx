import { useContext } from 'react';
import type { FeedEvent } from '../../lib/core/event.ts';
import { Age } from './age.tsx';
import { CopyButton } from './copy-button.tsx';
import { fullText } from './data-form.ts';
import { seqOf } from './event-seq.ts';
import styles from './event-window.module.css';
import { countText, sizeText } from './figures.ts';
import { printable } from './printable.ts';
import { TimeSenseContext } from './time-sense.ts';
import { localDay, localTime, utcDay, utcTime } from './time-text.ts';
import { Window } from './window.tsx';

/** One event in full: everything the log has of it, to be read and copied. */
export function EventWindow({ event, onClose }: { readonly event: FeedEvent; readonly onClose: () => void }) {
  const { skewMs } = useContext(TimeSenseContext);
  const seq = seqOf(event.id);
  const json = fullText(event.data);
  const iso = `${utcDay(event.time)}T${utcTime(event.time, 'ms')}Z`;
  const facts = [
    ['Id', event.id],
    ['Channel', event.channel],
    ['Type', event.type],
    ['Time', iso],
    [skewMs === 0 ? 'Here' : 'Here (clock differs)', `${localDay(event.time)}, ${localTime(event.time)}`],
  ] as const;
  return (
    <Window onClose={onClose} title={`${event.type} #${seq === null ? event.id : countText(seq)}`}>
      <dl className={styles.facts}>
        {facts.map(([name, value]) => (
          <div className={styles.fact} key={name}>
            <dt className={styles.name}>{name}</dt>
            <dd className={styles.value}>{value}</dd>
          </div>
        ))}
        <div className={styles.fact}>
          <dt className={styles.name}>Age</dt>
          <dd className={styles.value}>
            <Age time={event.time} />
          </dd>
        </div>
      </dl>
      <div className={styles.bar}>
        <h3 className={styles.name}>Data, {sizeText(json)}</h3>
        <CopyButton label="Copy data" text={json} />
        <CopyButton label="Copy event" text={fullText(event)} />
      </div>
      <pre className={styles.data} dir="auto">
        {printable(json)}
      </pre>
    </Window>
  );
}
