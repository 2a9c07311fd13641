import { FeedError } from '../../core/feed-error.ts';
import { getRuntime, type Runtime } from '../runtime.ts';
import { problemResponse, toFeedError } from './problem.ts';

/** The handler of one method. */
type MethodHandler = (request: Request, runtime: Runtime) => Promise<Response>;

/** The methods that a route has. */
export type RouteMethods = {
  readonly GET: MethodHandler;
  readonly HEAD?: MethodHandler;
  readonly POST?: MethodHandler;
};

/**
 * Creates the one handler of a route, for all methods. It answers a method that the route does not have with 405, `OPTIONS`
 * by itself, and turns what a method throws into a refusal.
 * @param refuse writes the refusal.
 */
export function createRouteHandler(
  methods: RouteMethods,
  runtimeOf: () => Runtime = getRuntime,
  refuse: (error: FeedError, request: Request) => Response = problemResponse,
): (request: Request) => Promise<Response> {
  const allowed = [...Object.keys(methods), 'OPTIONS'].join(', ');
  return async (request) => {
    let allowedOrigins: readonly string[] = [];
    let response: Response;
    let runtime: Runtime | null = null;
    try {
      runtime = runtimeOf();
      allowedOrigins = runtime.settings.allowedOrigins;
      if (request.method === 'OPTIONS') return optionsResponse(request, allowed, allowedOrigins);
      response = await handlerOf(methods, request.method, allowed)(request, runtime);
    } catch (cause) {
      const error = toFeedError(cause);
      runtime?.metrics.refusals.add(error.code);
      response = refuse(error, request);
      if (error.code === 'method-not-allowed') response.headers.set('allow', allowed);
    }
    // A browser must not take the body for another type, and a page of another origin must not load it, unless CORS allows
    // that origin (Fetch standard, "Cross-Origin-Resource-Policy").
    response.headers.set('x-content-type-options', 'nosniff');
    response.headers.set('cross-origin-resource-policy', 'same-origin');
    return allowOrigin(request, response, allowedOrigins);
  };
}

function handlerOf(methods: RouteMethods, method: string, allowed: string): MethodHandler {
  if (method === 'GET' || method === 'HEAD' || method === 'POST') {
    const handler = methods[method];
    if (handler !== undefined) return handler;
  }
  // It does not name the method: PUT stands for each that the framework does not know (`refuseUnknownMethods`).
  throw new FeedError('method-not-allowed', `The method is not allowed here. Use one of ${allowed}.`);
}

/** Answers `OPTIONS`, which is also a browser's preflight. @param methods the methods that the route has. */
function optionsResponse(request: Request, methods: string, allowedOrigins: readonly string[]): Response {
  const headers = new Headers({ allow: methods, 'cache-control': 'private, no-store' });
  const response = allowOrigin(request, new Response(null, { status: 204, headers }), allowedOrigins);
  if (!response.headers.has('access-control-allow-origin')) return response;
  response.headers.set('access-control-allow-methods', 'GET, HEAD');
  response.headers.set(
    'access-control-allow-headers',
    'Authorization, Last-Event-ID, If-None-Match, Cache-Control',
  );
  response.headers.set('access-control-max-age', '86400');
  return response;
}

/** Lets a page of one of `allowedOrigins` read the response in a browser. */
function allowOrigin(request: Request, response: Response, allowedOrigins: readonly string[]): Response {
  if (allowedOrigins.length === 0) return response;
  response.headers.append('vary', 'Origin');
  const origin = request.headers.get('origin');
  if (origin === null || !allowedOrigins.includes(origin)) return response;
  response.headers.set('access-control-allow-origin', origin);
  response.headers.set('access-control-expose-headers', 'ETag, Feed-Time, Retry-After');
  return response;
}
