import { basePath, pathEnd } from '../../config/routes.ts';
import { FeedError } from '../../core/feed-error.ts';
import { addressOf } from '../admission.ts';
import { isOneOf, type ReadCheck } from '../http/access.ts';
import { pageMethods } from '../http/events-route.ts';
import { createRouteHandler } from '../http/route-handler.ts';
import { streamRoute } from '../http/stream-route.ts';
import { getRuntime, type Runtime } from '../runtime.ts';
import { endedSessionCookie, permissionOf, sessionCookieFor } from './session.ts';
import { statusFeedOf } from './status-feed.ts';

/*
 * The routes below `/status`. Two of them serve the status feed by the feed's own protocol, so that the page reads it with the
 * feed's own client. They ask neither `canRead` nor for a read token: only a sign-in counts.
 */

type Route = (request: Request) => Promise<Response>;

/** How long a stream lasts where neither the platform nor `STREAM_MAX_SECONDS` says so, in seconds. */
const streamSeconds = 300;

/** The handler of `/status/api/stream`. */
export function statusStreamRoute(runtimeOf: () => Runtime = getRuntime): Route {
  return streamRoute(streamSeconds, () => statusFeedOf(runtimeOf()).runtime, checkOf(runtimeOf));
}

/** The handler of `/status/api/events`: pages of the status feed. Nobody can publish to it. */
export function statusEventsRoute(runtimeOf: () => Runtime = getRuntime): Route {
  return createRouteHandler(pageMethods(checkOf(runtimeOf)), () => statusFeedOf(runtimeOf()).runtime);
}

function checkOf(runtimeOf: () => Runtime): ReadCheck {
  return async ({ headers }) => {
    const runtime = runtimeOf();
    const permission = permissionOf(headers, runtime.settings, runtime.clock.now());
    if (permission.kind !== 'allowed')
      throw new FeedError('unauthorized', 'The sign-in has ended. Open /status, and sign in again.');
    await statusFeedOf(runtime).watch();
    return { endsAt: permission.endsAt, isShareable: false };
  };
}

/** Most bytes of a sign-in: a form with one token. */
const maxFormBytes = 8_192;

/**
 * The handler of `/status/session`. A form posts the field `token` to sign in, or the field `end` to sign out; the answer
 * leads back to the page. The token is in no address.
 */
export function statusSessionRoute(runtimeOf: () => Runtime = getRuntime): Route {
  return createRouteHandler({ GET: async () => backToPage(), POST: postSession }, runtimeOf);
}

async function postSession(request: Request, runtime: Runtime): Promise<Response> {
  const { settings, clock } = runtime;
  const { headers } = request;
  // Read first: after an await, the asynchronous context may be another one.
  const address = addressOf(request, settings.isVercel);
  // Another site could use up the tries of a person's address.
  if (headers.get('sec-fetch-site') === 'cross-site')
    throw new FeedError('forbidden', 'Sign in on the page /status of this server.');
  const form = await readForm(request);
  const isSecure = isOverHttps(request, settings.isVercel);
  if (form.has('end')) return backToPage({ cookie: endedSessionCookie(isSecure) });
  const { publishToken, previousPublishToken } = settings;
  // The page says that nobody can sign in, or that nobody needs to.
  if (publishToken === null) return backToPage();
  const { tries } = statusFeedOf(runtime);
  if (tries.waitSeconds(address) > 0) return backToPage({ refused: 'tries' });
  const token = form.get('token') ?? '';
  if (isOneOf(token.trim(), [publishToken, previousPublishToken]))
    return backToPage({ cookie: sessionCookieFor(publishToken, clock.now(), isSecure) });
  tries.failed(address);
  return backToPage({ refused: 'token' });
}

async function readForm(request: Request): Promise<URLSearchParams> {
  const bytes = Number(request.headers.get('content-length') ?? Number.NaN);
  if (bytes <= maxFormBytes) return new URLSearchParams(await request.text());
  throw new FeedError('too-large', `A sign-in has at most ${maxFormBytes} bytes, and names its length.`);
}

/** Whether the browser uses HTTPS. Behind a proxy the request itself does not: the browser's own header tells. */
function isOverHttps({ headers }: Request, isVercel: boolean): boolean {
  return isVercel || (headers.get('origin') ?? headers.get('referer') ?? '').startsWith('https:');
}

/** @param refused why nobody is signed in; the page says it in words. */
function backToPage({
  cookie,
  refused,
}: {
  readonly cookie?: string;
  readonly refused?: 'token' | 'tries';
} = {}): Response {
  const query = refused === undefined ? '' : `?refused=${refused}`;
  const headers = new Headers({
    location: `${basePath}/status${pathEnd}${query}`,
    'cache-control': 'private, no-store',
  });
  if (cookie !== undefined) headers.set('set-cookie', cookie);
  return new Response(null, { status: 303, headers });
}
