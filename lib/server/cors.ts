/** Lets a browser page of one of `allowedOrigins` read an answer. */
export function allowOrigin(
  request: Request,
  response: Response,
  allowedOrigins: readonly string[],
): Response {
  if (allowedOrigins.length === 0) return response;
  response.headers.append('vary', 'Origin');
  const origin = request.headers.get('origin');
  if (origin === null || !allowedOrigins.includes(origin)) return response;
  response.headers.set('access-control-allow-origin', origin);
  response.headers.set('access-control-expose-headers', 'ETag, Retry-After');
  return response;
}

/** Answers `OPTIONS`, a browser's preflight too. @param methods what the route takes. */
export function answerOptions(
  request: Request,
  methods: string,
  allowedOrigins: readonly string[],
): Response {
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
