import { FeedError } from '../core/feed-error.ts';
import { allowOrigin, answerOptions } from './cors.ts';
import { refuse, toFeedError } from './problem.ts';
import { getRuntime, type Runtime } from './runtime.ts';

/** How a route answers each method it takes. */
export type Methods = {
  readonly GET: Handler;
  readonly HEAD?: Handler;
  readonly POST?: Handler;
};

export type Handler = (request: Request, runtime: Runtime) => Promise<Response>;

/** Makes the one handler of a route, for every method: those not taken are refused with 405. */
export function answerWith(
  methods: Methods,
  refuseWith: (error: FeedError, request: Request) => Response = refuse,
  runtimeOf: () => Runtime = getRuntime,
): (request: Request) => Promise<Response> {
  const allowed = [...Object.keys(methods), 'OPTIONS'].join(', ');
  return async (request) => {
    let allowedOrigins: readonly string[] = [];
    let response: Response;
    try {
      const runtime = runtimeOf();
      allowedOrigins = runtime.settings.allowedOrigins;
      if (request.method === 'OPTIONS') return answerOptions(request, allowed, allowedOrigins);
      response = await handlerOf(methods, request.method, allowed)(request, runtime);
    } catch (cause) {
      const error = toFeedError(cause);
      response = refuseWith(error, request);
      if (error.code === 'method-not-allowed') response.headers.set('allow', allowed);
    }
    // Nothing is to be made of an answer but what its type says, and nothing at all by a page of another origin that does
    // not ask as the allowed do (Fetch standard, "Cross-Origin-Resource-Policy").
    response.headers.set('x-content-type-options', 'nosniff');
    response.headers.set('cross-origin-resource-policy', 'same-origin');
    return allowOrigin(request, response, allowedOrigins);
  };
}

function handlerOf(methods: Methods, method: string, allowed: string): Handler {
  if (method === 'GET' || method === 'HEAD' || method === 'POST') {
    const handler = methods[method];
    if (handler !== undefined) return handler;
  }
  throw new FeedError('method-not-allowed', `${method} is not allowed here; allowed are ${allowed}`);
}
