/** Most redirects that one request follows. */
const maxRedirects = 5;

/**
 * `fetch`, but it follows a redirect only to the same origin: a token must not reach another one. Next redirects so where
 * an app sets `trailingSlash`. Any other redirect is the answer.
 * @param input an absolute address.
 */
export const fetchSameOrigin: typeof fetch = async (input, init) => {
  let address = String(input);
  for (let followed = 0; ; followed += 1) {
    const response = await fetch(address, { ...init, redirect: 'manual' });
    const next = redirectOf(response, address);
    const isFollowed = next?.origin === new URL(address).origin && keepsMethod(response.status, init?.method);
    if (next === null || !isFollowed || followed === maxRedirects) return response;
    await response.body?.cancel();
    address = next.href;
  }
};

/** Where a response redirects to; null: it does not. */
export function redirectOf(
  { status, headers }: Pick<Response, 'status' | 'headers'>,
  address: string,
): URL | null {
  const location = headers.get('location');
  const isRedirect = status >= 300 && status < 400 && location !== null && URL.canParse(location, address);
  return isRedirect ? new URL(location, address) : null;
}

/** After 301, 302 and 303 a client goes on with GET (RFC 9110, section 15.4), which loses what a POST sends. */
function keepsMethod(status: number, method = 'GET'): boolean {
  return method === 'GET' || status === 307 || status === 308;
}
