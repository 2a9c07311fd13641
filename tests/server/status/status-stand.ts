import {
  statusEventsRoute,
  statusSessionRoute,
  statusStreamRoute,
} from '../../../lib/server/status/status-route.ts';
import { makeStand, type Stand, type StandOptions } from '../../support/server/stand.ts';

/** A server in production whose status can be asked for. */
export type StatusStand = Stand & {
  /** Handles a request below `/status`, for example `api/stream?channel=status`. */
  askStatus(path: string, init?: RequestInit): Promise<Response>;
  /** Posts the form of the sign-in. */
  signIn(token: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
  /** Signs in, and returns the header that a browser then sends. */
  cookie(): Promise<{ readonly cookie: string }>;
};

export const statusToken = 'the-publish-token';

/** Creates the stand. It has a publish token, unless `env` says otherwise. */
export function makeStatusStand({ env = {}, ...options }: StandOptions = {}): StatusStand {
  const stand = makeStand({
    ...options,
    env: { NODE_ENV: 'production', PUBLISH_TOKEN: statusToken, ...env },
  });
  const runtimeOf = () => stand.runtime;
  const routes = {
    'api/stream': statusStreamRoute(runtimeOf),
    'api/events': statusEventsRoute(runtimeOf),
    session: statusSessionRoute(runtimeOf),
  };

  function askStatus(path: string, init?: RequestInit): Promise<Response> {
    const [name = ''] = path.split('?');
    const route = Object.entries(routes).find(([each]) => each === name)?.[1];
    if (route === undefined) throw new Error(`no route ${name}`);
    return route(new Request(`http://feed.test/status/${path}`, init));
  }

  function postForm(fields: Record<string, string>, headers: Readonly<Record<string, string>> = {}) {
    const body = new URLSearchParams(fields).toString();
    const type = 'application/x-www-form-urlencoded';
    return askStatus('session', {
      method: 'POST',
      body,
      headers: { 'content-type': type, 'content-length': String(body.length), ...headers },
    });
  }

  return {
    ...stand,
    askStatus,
    signIn: (token, headers) => postForm({ token }, headers),
    async cookie() {
      const answer = await postForm({ token: statusToken });
      return { cookie: cookieOf(answer) };
    },
  };
}

/** Name and value of the cookie that a response sets. */
export function cookieOf(response: Response): string {
  const [cookie] = (response.headers.get('set-cookie') ?? '').split(';');
  if (!cookie) throw new Error('the response sets no cookie');
  return cookie;
}
