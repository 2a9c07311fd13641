import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, ask } from './ask.ts';
import { secrets } from './secrets.ts';

type Target = { readonly url: string };

type PublishOptions = {
  readonly channel?: string;
  readonly type?: string;
  readonly subject?: string;
  readonly end?: boolean;
};

/** Publishes each value as one event, all in one request. */
export function publish(
  app: Target,
  data: readonly unknown[],
  { channel = 'feed', key, ...members }: PublishOptions & { readonly key?: string } = {},
): Promise<Answer> {
  return ask(app, '/api/events', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${secrets.publishToken}`,
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
    body: JSON.stringify(data.map((value) => ({ channel, ...members, data: value }))),
  });
}

/** Publishes events that must be stored. @throws Error with the answer if they are not. */
export async function store(
  app: Target,
  data: readonly unknown[],
  options: PublishOptions = {},
): Promise<void> {
  const { status, text } = await publish(app, data, options);
  if (status !== 201) throw new Error(`the answer to the publish request was ${status}: ${text}`);
}

/** Publishes each value, with a key, again and again until it is stored. @throws Error if that takes longer than two minutes. */
export async function storeAtLast(app: Target, values: readonly unknown[]): Promise<void> {
  const until = performance.now() + 120_000;
  for (const value of values) {
    while ((await publish(app, [value], { key: `value ${value}` })).status !== 201) {
      if (performance.now() > until) throw new Error(`${value} was not stored`);
      await sleep(200);
    }
  }
}

/** The whole numbers from `first` to `last`. */
export function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
