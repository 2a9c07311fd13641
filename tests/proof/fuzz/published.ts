import type { PublishBody } from './plan.ts';

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
