/*
 * The content security policies of the pages (CSP Level 3). Edit them if your pages use other origins. Plain JavaScript,
 * because `next.config.mjs` reads this file too, also on a Node that warns when it loads TypeScript.
 *
 * A page that Next renders for each request gets the strict policy: `proxy.ts` names these pages. Every other page gets the
 * general one. Its scripts are written at build time, so they cannot have a nonce that is new in each response.
 */

/**
 * The policy of a page that is rendered for each request. A script must be a file of the build, or carry the page's nonce,
 * which the text of an event cannot have. Styles are files too; style attributes are allowed, because numbers place the rows
 * and the charts.
 * @param {string} nonce new for each response, and impossible to guess.
 * @param {string} assetOrigin the origin of `assetPrefix`; empty: the app has none.
 * @param {boolean} isDevelopment allows what the framework's development tools need.
 * @returns {string}
 */
export function strictPolicy(nonce, assetOrigin, isDevelopment) {
  const files = ["'self'", assetOrigin].filter(Boolean).join(' ');
  return [
    "default-src 'none'",
    `script-src ${files} 'nonce-${nonce}'${isDevelopment ? " 'unsafe-eval'" : ''}`,
    `style-src ${files} ${isDevelopment ? "'unsafe-inline'" : `'nonce-${nonce}'`}`,
    "style-src-attr 'unsafe-inline'",
    ...common(files, isDevelopment),
  ].join('; ');
}

/**
 * The policy of every other page. Inline scripts run, so it does not stop a script that somebody injects. It stops what such
 * a script would load from other origins, and send to them.
 * @param {string} assetOrigin as for `strictPolicy`.
 * @param {boolean} isDevelopment as for `strictPolicy`.
 * @returns {string}
 */
export function generalPolicy(assetOrigin, isDevelopment) {
  const files = ["'self'", assetOrigin].filter(Boolean).join(' ');
  return [
    `default-src ${files}`,
    `script-src ${files} 'unsafe-inline'${isDevelopment ? " 'unsafe-eval'" : ''}`,
    `style-src ${files} 'unsafe-inline'`,
    "object-src 'none'",
    ...common(files, isDevelopment),
  ].join('; ');
}

/**
 * What both policies say.
 * @param {string} files where the files of the build are.
 * @param {boolean} isDevelopment the development server reloads the page by a WebSocket.
 */
function common(files, isDevelopment) {
  return [
    `img-src ${files} data:`,
    `font-src ${files}`,
    `connect-src 'self'${isDevelopment ? ' ws:' : ''}`,
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ];
}
