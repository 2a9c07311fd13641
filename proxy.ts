import { type NextRequest, NextResponse } from 'next/server';

/**
 * Sets a content security policy with a new nonce for each page. Next adds the nonce to its own scripts. It runs only for
 * pages, because responses of the API are not documents.
 */
export function proxy(request: NextRequest): NextResponse {
  const policy = pagePolicy(crypto.randomUUID(), process.env.NODE_ENV === 'development');
  const headers = new Headers(request.headers);
  headers.set('content-security-policy', policy);
  const response = NextResponse.next({ request: { headers } });
  response.headers.set('content-security-policy', policy);
  return response;
}

export const config = { matcher: ['/'] };

/**
 * The Content-Security-Policy of a page (CSP Level 3): scripts are files of this server, or carry this page's nonce, which
 * nothing has that an event's text holds. Styles are files too; only attributes may hold some, where rows and charts are
 * placed by numbers.
 * @param nonce new for each page, and not to be guessed.
 * @param isDevelopment the framework's tools evaluate text as code there.
 */
function pagePolicy(nonce: string, isDevelopment: boolean): string {
  return [
    "default-src 'none'",
    `script-src 'self' 'nonce-${nonce}'${isDevelopment ? " 'unsafe-eval'" : ''}`,
    `style-src 'self' ${isDevelopment ? "'unsafe-inline'" : `'nonce-${nonce}'`}`,
    "style-src-attr 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self'",
    `connect-src 'self'${isDevelopment ? ' ws:' : ''}`,
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ');
}
