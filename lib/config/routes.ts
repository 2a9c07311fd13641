/*
 * Where the app and its routes are. `next.config.mjs` writes these values into every build: change `basePath` and
 * `trailingSlash` there, and nothing here.
 */

/** The path of the app at its origin, such as `/app`; empty where the app has the origin for itself. */
export const basePath = ofBuild(() => process.env.FEED_BASE_PATH);

/** The end of each path: `/` in an app with `trailingSlash`, where Next redirects a request without it; else empty. */
export const pathEnd = ofBuild(() => process.env.FEED_PATH_END);

/** A value that the build has put in; empty in a program without such a build, and where `process` is unknown. */
function ofBuild(read: () => string | undefined): string {
  try {
    return read() ?? '';
  } catch {
    return '';
  }
}
