/**
 * The Content-Security-Policy of a page (CSP Level 3): scripts are files of this server, or carry this page's nonce, which
 * nothing has that an event's text holds. Styles are files too; only attributes may hold some, where rows and charts are
 * placed by numbers.
 * @param nonce new for each page, and not to be guessed.
 * @param isDevelopment the framework's tools evaluate text as code there.
 */
export function pagePolicy(nonce: string, isDevelopment: boolean): string {
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
