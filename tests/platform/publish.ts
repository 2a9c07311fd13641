import { checkNoSecret, secrets } from './secrets.ts';

type Target = { readonly url: string };

/** What `POST /api/events` answered. */
export type PublishAnswer = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
};

/** Publishes data as events of one request. */
export async function publish(
  app: Target,
  data: readonly unknown[],
  { channel = 'feed', key }: { readonly channel?: string; readonly key?: string } = {},
): Promise<PublishAnswer> {
  const response = await fetch(`${app.url}/api/events`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${secrets.publishToken}`,
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
    signal: AbortSignal.timeout(10_000),
    body: JSON.stringify(data.map((value) => ({ channel, data: value }))),
  });
  const text = await response.text();
  checkNoSecret(text, 'the answer to a publish request');
  return { status: response.status, headers: response.headers, text };
}

/** Publishes and expects it to be stored. @throws Error with the answer otherwise. */
export async function store(
  app: Target,
  data: readonly unknown[],
  options: { readonly channel?: string } = {},
): Promise<void> {
  const { status, text } = await publish(app, data, options);
  if (status !== 201) throw new Error(`publishing was answered ${status}: ${text}`);
}

/** The whole numbers from `first` to `last`. */
export function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
