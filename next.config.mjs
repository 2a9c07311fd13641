/**
 * For pages and files. The policy of scripts, which differs from page to page, is `proxy.ts`'s; the API sets its own
 * (`lib/server/http/respond.ts`).
 */
const everywhere = [
  { key: 'X-Content-Type-Options', value: 'nosniff' },
  { key: 'Referrer-Policy', value: 'no-referrer' },
  { key: 'Permissions-Policy', value: 'camera=(), geolocation=(), microphone=(), payment=(), usb=()' },
  { key: 'Cross-Origin-Opener-Policy', value: 'same-origin' },
];

/** @type {import('next').NextConfig} */
const config = {
  poweredByHeader: false,
  reactStrictMode: true,
  // No page uses the framework's image service, which fetches and scales whatever address of this server it is given.
  images: { unoptimized: true },
  // In development the framework prints the address of each request: not of one that has a read token in it.
  logging: { incomingRequests: { ignore: [/[?&]token=/] } },
  async headers() {
    // Next's own `no-store` would keep the page out of the back/forward cache. A page that a token opened stays so; where
    // the app gives tokens by `getToken` to a page without one, take this out, or it can be come back to after signing out.
    const value = 'private, no-cache, max-age=0, must-revalidate';
    return [
      { source: '/((?!api/).*)', headers: everywhere },
      {
        source: '/',
        missing: [
          { type: 'cookie', key: 'feed_token' },
          { type: 'header', key: 'authorization' },
          { type: 'query', key: 'token' },
        ],
        headers: [{ key: 'Cache-Control', value }],
      },
    ];
  },
};

export default config;
