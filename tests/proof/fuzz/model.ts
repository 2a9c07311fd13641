import type { TimedAnswer } from './exchange.ts';
import type { ExpectedAnswer, PublishBody } from './plan.ts';

/** The acknowledged events, and the events that may be stored although their answer was lost. */
export type Model = {
  /** Records a 2xx answer to a publish request. @returns what is wrong with it. */
  acknowledge(expected: ExpectedAnswer, answer: TimedAnswer): readonly string[];
  /** Records a publish request without an answer. */
  lose(expected: ExpectedAnswer): void;
  /** The seq of the newest acknowledged event in a channel; 0 if there is none. */
  newest(channel: string): number;
  /** The acknowledged events, by channel and id; null if the sent bytes do not show the event. */
  readonly acknowledged: ReadonlyMap<string, Published | null>;
  /** The events in answers to duplicates. */
  readonly repeated: ReadonlySet<string>;
  /** How often each content may be stored without an acknowledgement. */
  readonly perhaps: ReadonlyMap<string, number>;
  /** How many unknown events may be stored. */
  unknown(): number;
};

/** A key for one event of a channel. */
export function eventKey(channel: string, id: string): string {
  return `${channel} ${id}`;
}

/** A key for the content of an event. */
export function contentKey({ channel, type, data, attributes }: Published): string {
  return `${channel} ${type} ${attributes ?? ''} ${data}`;
}

/** A model of an empty log. */
export function makeModel(): Model {
  const acknowledged = new Map<string, Published | null>();
  const repeated = new Set<string>();
  const perhaps = new Map<string, number>();
  const newest = new Map<string, number>();
  let unknown = 0;

  return {
    acknowledged,
    repeated,
    perhaps,
    unknown: () => unknown,
    newest: (channel) => newest.get(channel) ?? 0,
    lose({ body, route }) {
      const events = body === null ? null : publishedBy(body);
      for (const event of events ?? []) {
        const key = contentKey(event);
        perhaps.set(key, (perhaps.get(key) ?? 0) + 1);
      }
      // Bytes were changed, so any event may be stored.
      if (body !== null && route === 'framework') unknown += 1;
    },
    acknowledge({ body, route }, { status, body: text }) {
      const { events } = JSON.parse(text) as { readonly events: readonly { id: string; channel: string }[] };
      const sent = body === null || route === 'framework' ? null : publishedBy(body);
      if (route !== 'framework' && sent?.length !== events.length) {
        return [
          `${events.length} events were acknowledged; sent were ${sent?.length ?? 'none that can be read'}`,
        ];
      }
      const faults: string[] = [];
      for (const [index, { id, channel }] of events.entries()) {
        const event = sent?.[index] ?? null;
        const key = eventKey(channel, id);
        if (event !== null && event.channel !== channel) faults.push(`event ${index} went to ${channel}`);
        if (status === 200) repeated.add(key);
        else if (acknowledged.has(key)) faults.push(`${key} was acknowledged twice`);
        else acknowledged.set(key, event);
        newest.set(channel, Math.max(newest.get(channel) ?? 0, Number(id.split('-')[1])));
      }
      return faults;
    },
  };
}

/** An event as it must be stored. */
export type Published = {
  readonly channel: string;
  readonly type: string;
  readonly data: string;
  /** What the log keeps of subject, remove, ttlSeconds and end, as JSON; null: the event has none of them. */
  readonly attributes: string | null;
};

/**
 * The events of a body, read in the simplest way; null if it cannot be read, and then nothing may be stored. The server
 * refuses numbers that a double cannot represent, so `JSON.parse` gives exactly what must be stored.
 */
export function publishedBy({ form, bytes }: PublishBody): readonly Published[] | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const values =
      form === 'json'
        ? [JSON.parse(text)].flat()
        : text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [JSON.parse(line)]));
    return values.map(({ channel = 'feed', type = 'message', data, ...others }) => ({
      channel,
      type,
      data: JSON.stringify(data),
      attributes: attributesOf(others),
    }));
  } catch {
    // Not UTF-8, not JSON, not an object, or nested too deeply.
    return null;
  }
}

function attributesOf({
  subject,
  remove,
  ttlSeconds,
  end,
}: Readonly<Record<string, unknown>>): string | null {
  const attributes = {
    ...(subject !== undefined && { subject }),
    ...(remove === true && { remove }),
    ...(typeof ttlSeconds === 'number' && { ttlMs: ttlSeconds * 1_000 }),
    ...(end === true && { end }),
  };
  return Object.keys(attributes).length === 0 ? null : JSON.stringify(attributes);
}
