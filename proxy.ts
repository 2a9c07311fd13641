import { type NextRequest, NextResponse } from 'next/server';
import { strictPolicy } from './lib/config/page-policy.mjs';

/**
 * The pages with the strict content security policy. Add a page of yours if the build lists it as `ƒ`, rendered for each
 * request. A page that the build lists as `○` or `●` would lose its scripts: they have no nonce.
 */
export const config = { matcher: ['/', '/example', '/status'] };

/** Next would render the page for any method. It sends a form's action by POST. */
const pageMethods: readonly string[] = ['GET', 'HEAD', 'POST'];

/**
 * Sets a policy with a new nonce for each response. Next adds the nonce to its own scripts. A method that a page does not
 * have is refused.
 */
export function proxy(request: NextRequest): NextResponse {
  if (!pageMethods.includes(request.method)) {
    return new NextResponse(null, { status: 405, headers: { allow: pageMethods.join(', ') } });
  }
  const assetOrigin = process.env.FEED_ASSET_ORIGIN ?? '';
  const policy = strictPolicy(crypto.randomUUID(), assetOrigin, process.env.NODE_ENV === 'development');
  const headers = new Headers(request.headers);
  headers.set('content-security-policy', policy);
  const response = NextResponse.next({ request: { headers } });
  response.headers.set('content-security-policy', policy);
  return response;
}
