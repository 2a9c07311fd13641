import { type NextRequest, NextResponse } from 'next/server';

/** Next would render the page for any method. It sends a form's action by POST. */
const pageMethods: readonly string[] = ['GET', 'HEAD', 'POST'];

/**
 * Sets a content security policy with a new nonce for each response. Next adds the nonce to its own scripts. It runs for `/`
 * only, the template's one page: add the paths of your own pages to `matcher`. Responses of the API are not documents, and
 * need no policy. A method that a page does not have is refused.
 */
export function proxy(request: NextRequest): NextResponse {
  if (!pageMethods.includes(request.method)) {
    return new NextResponse(null, { status: 405, headers: { allow: pageMethods.join(', ') } });
  }
  const policy = pagePolicy(crypto.randomUUID(), process.env.NODE_ENV === 'development');
  const headers = new Headers(request.headers);
  headers.set('content-security-policy', policy);
  const response = NextResponse.next({ request: { headers } });
  response.headers.set('content-security-policy', policy);
  return response;
}

export const config = { matcher: ['/'] };

/** Where the files of the build are: this server, and the origin of `assetPrefix` if the app has one. */
const files = ["'self'", process.env.FEED_ASSET_ORIGIN].filter(Boolean).join(' ');

/**
 * The policy (CSP Level 3). A script must be a file of the build, or carry the page's nonce, which the text of an event
 * cannot have. Styles are files too; style attributes are allowed, because numbers place the rows and the charts.
 * @param nonce new for each page, and impossible to guess.
 * @param isDevelopment allows what the framework's development tools need: code from text, inline styles, a WebSocket.
 */
function pagePolicy(nonce: string, isDevelopment: boolean): string {
  return [
    "default-src 'none'",
    `script-src ${files} 'nonce-${nonce}'${isDevelopment ? " 'unsafe-eval'" : ''}`,
    `style-src ${files} ${isDevelopment ? "'unsafe-inline'" : `'nonce-${nonce}'`}`,
    "style-src-attr 'unsafe-inline'",
    `img-src ${files} data:`,
    `font-src ${files}`,
    `connect-src 'self'${isDevelopment ? ' ws:' : ''}`,
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ');
}
