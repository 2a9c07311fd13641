/*
 * Query parameters that are not the feed's own. The server refuses every other parameter that it does not know, so that
 * `?chanel=orders` does not read `feed`. Add a name here if a proxy or a script of yours puts it into the address.
 */

/** Whether something else has added this parameter: a client against caches, a polyfill, the host, a link. */
export function isIgnoredParameter(name: string): boolean {
  return ignored.test(name);
}

const ignored = new RegExp(
  [
    // Against caches: `_` (jQuery), `_t`, digits alone (superagent), `fresh` (ours). Next.js, Vercel and Cloudflare use a first `_` too.
    '^_',
    String.raw`^\d+$`,
    '^(?:t|ts|v|cb|fresh|no-?cache|cache-?bust(?:er)?)$',
    // Polyfills of EventSource: Yaffle's `r` and `padding`, amvtek's `evs_…`.
    '^(?:r|padding|evs_(?:preamble|buffer_size_limit))$',
    // Vercel: the bypass of its protection of deployments, and skew protection.
    '^x-vercel-',
    '^dpl$',
    // Links that carry on what they came with.
    '^utm_',
    '^(?:fbclid|gclid)$',
  ].join('|'),
  'i',
);
