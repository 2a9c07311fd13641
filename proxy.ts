import { type NextRequest, NextResponse } from 'next/server';
import { pagePolicy } from './lib/server/http/content-security-policy.ts';

/**
 * Gives each page a policy of its own: the nonce in it is what the framework marks its scripts with. It runs for pages
 * alone; the API's answers are no documents.
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
