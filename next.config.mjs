import './lib/server/node/check-node.mjs';

/**
 * Security headers for pages and files. `proxy.ts` adds the content security policy, which differs from response to response.
 * The API sets its own headers (`lib/server/http/route-handler.ts`).
 */
const securityHeaders = [
  { key: 'X-Content-Type-Options', value: 'nosniff' },
  { key: 'Referrer-Policy', value: 'no-referrer' },
  { key: 'Permissions-Policy', value: 'camera=(), geolocation=(), microphone=(), payment=(), usb=()' },
  { key: 'Cross-Origin-Opener-Policy', value: 'same-origin' },
];

/** @type {import('next').NextConfig} */
const config = {
  poweredByHeader: false,
  reactStrictMode: true,
  // No page uses Next's image service. If it were on, anyone could make this server fetch and scale images.
  images: { unoptimized: true },
  // In development Next prints the URL of each request. A URL with a read token must not be printed.
  logging: { incomingRequests: { ignore: [/[?&]token=/] } },
  async headers() {
    // Next's default `no-store` keeps a page out of the back/forward cache. A page that was opened with a token keeps that
    // default. If your app gets its tokens by `getToken` instead, remove this: otherwise the Back button shows the page
    // again after the user has signed out.
    const value = 'private, no-cache, max-age=0, must-revalidate';
    return [
      // Two sources: with `basePath` the second does not match the page itself.
      { source: '/', headers: securityHeaders },
      { source: '/((?!api/).+)', headers: securityHeaders },
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

// The client and the page's policy follow these settings. Here only, because Next does not tell them to the app.
config.env = {
  FEED_BASE_PATH: config.basePath ?? '',
  FEED_PATH_END: config.trailingSlash ? '/' : '',
  FEED_ASSET_ORIGIN: URL.canParse(config.assetPrefix ?? '') ? new URL(config.assetPrefix ?? '').origin : '',
};

export default config;
