import { isIP } from 'node:net';

/**
 * Whether a request comes from a page of this server itself, or from no page at all. Browsers say
 * it by `Origin` and `Sec-Fetch-Site` (Fetch standard; Fetch Metadata), which no page can change.
 *
 * A name that its owner lets lead to this machine for a moment ("DNS rebinding") makes his page look like ours: so the
 * server must have been asked for as localhost or by its address, which no one else can name.
 */
export function isOwnSite(headers: Headers): boolean {
  const origin = headers.get('origin');
  const host = headers.get('host');
  const isOwnOrigin = origin === null || (URL.canParse(origin) && new URL(origin).host === host);
  return isOwnOrigin && headers.get('sec-fetch-site') !== 'cross-site' && (host === null || isOfHere(host));
}

function isOfHere(host: string): boolean {
  if (!URL.canParse(`http://${host}`)) return false;
  const { hostname } = new URL(`http://${host}`);
  return (
    hostname === 'localhost' || hostname.endsWith('.localhost') || isIP(hostname.replace(/^\[|\]$/g, '')) > 0
  );
}
