import { FeedError } from '../../core/feed-error.ts';
import { statusChannel } from '../../core/process-status.ts';
import { readNewest } from '../http/first-page.ts';
import { toFeedError } from '../http/problem.ts';
import { getRuntime } from '../runtime.ts';
import { permissionOf, secondsPerTry } from './session.ts';
import { statusFeedOf } from './status-feed.ts';

/** What the page `/status` starts with. */
export type StatusPage =
  | {
      readonly kind: 'status';
      /** The option `initial` of `useFeed`: the newest snapshot. */
      readonly initial: string;
      /** Unix time in ms, by the server's clock. */
      readonly renderedAt: number;
      /** Whether the reader has signed in; else nobody needs to. */
      readonly isSignedIn: boolean;
    }
  | { readonly kind: 'signed-out'; readonly secondsPerTry: number }
  | { readonly kind: 'problem'; readonly detail: string };

/**
 * Reads the newest snapshot of this process, if the request may see it.
 * @param headers of the request for the page.
 */
export async function readStatusPage(headers: Headers): Promise<StatusPage> {
  try {
    const runtime = getRuntime();
    const { settings, clock } = runtime;
    const permission = permissionOf(new Headers(headers), settings, clock.now());
    if (permission.kind === 'signed-out') return { kind: 'signed-out', secondsPerTry };
    if (permission.kind === 'off') throw new FeedError('publishing-off', nobodyCanSignIn);
    const feed = statusFeedOf(runtime);
    await feed.watch();
    return {
      kind: 'status',
      initial: await readNewest(feed.runtime, [statusChannel], null, 1),
      renderedAt: clock.now(),
      isSignedIn: permission.endsAt !== null,
    };
  } catch (cause) {
    return { kind: 'problem', detail: toFeedError(cause).message };
  }
}

const nobodyCanSignIn =
  'The status page is off because the server has no PUBLISH_TOKEN. Set this variable to turn it on.';
