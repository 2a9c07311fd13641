import type { TimedAnswer } from './exchange.ts';
import type { Ask, PublishBody } from './plan.ts';

/** What was acknowledged, and what may be stored besides because its answer was lost. */
export type Model = {
  /** Takes a 2xx of a publish request. @returns what is wrong with it. */
  acknowledge(ask: Ask, answer: TimedAnswer): readonly string[];
  /** A publish request whose answer has not come. */
  lose(ask: Ask): void;
  /** Seq of the newest event acknowledged in a channel; 0: none. */
  newest(channel: string): number;
  /** Events by channel and id; null where the bytes that were sent say nothing of them. */
  readonly acknowledged: ReadonlyMap<string, Published | null>;
  /** Events that duplicates were told of. */
  readonly repeated: ReadonlySet<string>;
  /** How often an event may be stored without having been acknowledged. */
  readonly perhaps: ReadonlyMap<string, number>;
  /** How many may be stored of which nothing is known. */
  unknown(): number;
};

/** Names an event of a channel. */
export function eventKey(channel: string, id: string): string {
  return `${channel} ${id}`;
}

/** Names what an event holds. */
export function contentKey({ channel, type, data }: Published): string {
  return `${channel} ${type} ${data}`;
}

/** Makes a model of an empty log. */
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
      // Bytes were changed: whatever they have become may be stored.
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

/** An event, as it must be stored. */
export type Published = { readonly channel: string; readonly type: string; readonly data: string };

/**
 * The events of a body, read in the plainest way; null where it cannot be: then nothing of it may be stored. A number
 * that a double cannot hold is refused by the server; so what is stored is what `JSON.parse` makes of it.
 */
export function publishedBy({ form, bytes }: PublishBody): readonly Published[] | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const values =
      form === 'json'
        ? [JSON.parse(text)].flat()
        : text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [JSON.parse(line)]));
    return values.map(({ channel = 'feed', type = 'message', data }) => ({
      channel,
      type,
      data: JSON.stringify(data),
    }));
  } catch {
    // Not UTF-8, not JSON, no objects, or too deep to be written: no event.
    return null;
  }
}
