import type { FeedEvent } from '../../lib/core/event.ts';
import { formOf } from './data-form.ts';
import styles from './event-data.module.css';
import { sizeText } from './figures.ts';
import { Folded } from './folded.tsx';
import { MachineData } from './machine-data.tsx';
import { PairList } from './pair-list.tsx';

/** An event's data in the form that suits it. Everything is text: markup in data stays what it is. */
export function EventData({ event }: { readonly event: FeedEvent }) {
  const form = formOf(event.type, event.data);
  switch (form.kind) {
    case 'machine':
      return <MachineData figures={form.figures} />;
    case 'pairs':
      return <PairList pairs={form.pairs} />;
    case 'text':
      return (
        <p className={styles.text} dir="auto">
          {form.text === '' ? <span className={styles.empty}>an empty text</span> : form.text}
        </p>
      );
    case 'short json':
      return <code className={styles.json}>{form.json}</code>;
    case 'long text':
      return <Folded owner={event} beginning={form.beginning} size={sizeText(form.text)} text={form.text} />;
    case 'long json':
      return <Folded owner={event} beginning={form.beginning} size={sizeText(form.json)} text={form.json} />;
    default:
      return form satisfies never;
  }
}
