import './lib/server/node/check-node.mjs';
import { generalPolicy } from './lib/config/page-policy.mjs';

/**
 * Security headers of pages and files. The API sets its own (`lib/server/http/route-handler.ts`).
 * `same-origin`: other sites learn no address of this one. With `no-referrer` a browser without JavaScript would hide the
 * origin of a form from this server too, and Next refuses a server action without it.
 */
const securityHeaders = [
  { key: 'X-Content-Type-Options', value: 'nosniff' },
  { key: 'Referrer-Policy', value: 'same-origin' },
  { key: 'Permissions-Policy', value: 'camera=(), geolocation=(), microphone=(), payment=(), usb=()' },
  { key: 'Cross-Origin-Opener-Policy', value: 'same-origin' },
];

/** @type {import('next').NextConfig} */
const config = {
  poweredByHeader: false,
  reactStrictMode: true,
  // No page uses Next's image service. If it were on, anyone could make this server fetch and scale images.
  images: { unoptimized: true },
  // The Dockerfile sets this variable. `next start` cannot run such a build, so it is not the default.
  ...(process.env.BUILD_STANDALONE === '1' && { output: 'standalone' }),
  // In development Next prints the URL of each request. A URL with a read token must not be printed.
  logging: { incomingRequests: { ignore: [/[?&]token=/] } },
  async headers() {
    // Next's default `no-store` keeps a page out of the back/forward cache. A page that was opened with a token keeps that
    // default. If your app gets its tokens by `getToken` instead, remove this: otherwise the Back button shows the page
    // again after the user has signed out.
    const value = 'private, no-cache, max-age=0, must-revalidate';
    const isDevelopment = process.env.NODE_ENV === 'development';
    const policy = {
      key: 'Content-Security-Policy',
      value: generalPolicy(config.env?.FEED_ASSET_ORIGIN ?? '', isDevelopment),
    };
    return [
      // Two sources: with `basePath` the second does not match the page itself.
      { source: '/', headers: [...securityHeaders, policy] },
      { source: '/((?!api/).+)', headers: securityHeaders },
      // Pages: neither the API nor a file. For the pages that it names, `proxy.ts` replaces it by the strict policy.
      { source: '/((?!api/|_next/|.*\\.[^/]*$).+)', headers: [policy] },
      // Nothing that this server asks for may carry on a token in the address of a page.
      {
        source: '/:path*',
        has: [{ type: 'query', key: 'token' }],
        headers: [{ key: 'Referrer-Policy', value: 'no-referrer' }],
      },
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
