/** The routing of the platform's build output (`config.json`): the parts that this app uses. */
export type RouteConfig = {
  readonly routes: readonly Rule[];
  /** Static files that are served at another path or as another type. The key is the file's path. */
  readonly overrides?: Readonly<Record<string, { readonly path?: string; readonly contentType?: string }>>;
};

type Rule = {
  /** The name of a phase. The rules after this one belong to it. */
  readonly handle?: string;
  /** The pattern of the complete path. */
  readonly src?: string;
  readonly dest?: string;
  /** The function that handles the request first (a middleware). */
  readonly middlewarePath?: string;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether its headers replace those of the function's answer. */
  readonly important?: boolean;
  readonly has?: readonly Condition[];
  readonly missing?: readonly Condition[];
  /** Whether routing continues with the next rule. */
  readonly continue?: boolean;
};

type Condition = { readonly type: string; readonly key: string; readonly value?: string };

/** The parts of a request that routing reads. Header names are in lower case. */
export type RoutedRequest = {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
};

/** The target of a request, and the headers that routing adds to its answer. All header names are in lower case. */
export type Routed = {
  /** A path for which `exists` is true; null: there is no such path, and no error page. */
  readonly path: string | null;
  /** The status that replaces the one of the answer; null: the answer keeps its own. */
  readonly status: number | null;
  /** Headers for an answer that does not set them itself. */
  readonly headers: Readonly<Record<string, string>>;
  /** Headers that replace those of the answer. */
  readonly important: Readonly<Record<string, string>>;
};

/**
 * Routes a request.
 * @param exists whether a path belongs to a function or a file.
 */
export function routeRequest(
  { routes }: RouteConfig,
  request: RoutedRequest,
  exists: (path: string) => boolean,
): Routed {
  const first = applyPhase(routes, null, request, request.url.pathname);
  const isMoved = first.status !== null && first.headers.location !== undefined;
  if (isMoved) return { ...first, path: null };
  // The rules of these phases apply only to a path that was not found.
  const found = ['filesystem', 'rewrite'].reduce(
    (path, phase) => (exists(path) ? path : applyPhase(routes, phase, request, path).path),
    first.path,
  );
  if (exists(found)) {
    const hit = applyPhase(routes, 'hit', request, found);
    return { ...hit, path: found, status: first.status, headers: { ...first.headers, ...hit.headers } };
  }
  const error = applyPhase(routes, 'error', request, found);
  return { ...error, path: exists(error.path) ? error.path : null };
}

/** The path of the middleware for a request; null: none. */
export function middlewareOf({ routes }: RouteConfig, request: RoutedRequest): string | null {
  const asked = rulesOf(routes, null).find(
    (rule) =>
      rule.middlewarePath !== undefined &&
      patternOf(rule).test(request.url.pathname) &&
      !(rule.missing ?? []).some((condition) => holds(condition, request, {})),
  );
  return asked?.middlewarePath ?? null;
}

function patternOf({ src = '' }: Rule): RegExp {
  return new RegExp(`^${src.replace(/^\^|\$$/g, '')}$`);
}

function applyPhase(
  routes: readonly Rule[],
  phase: string | null,
  request: RoutedRequest,
  startPath: string,
): Routed & { readonly path: string } {
  let path = startPath;
  let status: number | null = null;
  const headers: Record<string, string> = {};
  const important: Record<string, string> = {};
  for (const rule of rulesOf(routes, phase)) {
    const match = patternOf(rule).exec(path);
    if (match === null) continue;
    const values: Record<string, string> = { ...match.groups };
    match.forEach((value, index) => {
      values[index] = value ?? '';
    });
    if (!(rule.has ?? []).every((condition) => holds(condition, request, values))) continue;
    if ((rule.missing ?? []).some((condition) => holds(condition, request, values))) continue;
    for (const [name, value] of Object.entries(rule.headers ?? {})) {
      (rule.important === true ? important : headers)[name.toLowerCase()] = fill(value, values);
    }
    status = rule.status ?? status;
    if (rule.dest !== undefined) path = fill(rule.dest, values);
    if (rule.continue !== true) break;
  }
  return { path, status, headers, important };
}

function rulesOf(routes: readonly Rule[], phase: string | null): readonly Rule[] {
  let current: string | null = null;
  return routes.filter((rule) => {
    if (rule.handle === undefined) return current === phase;
    current = rule.handle;
    return false;
  });
}

/** Whether the request meets the condition. It adds the named groups of the pattern to `values`. */
function holds(
  { type, key, value }: Condition,
  { url, headers }: RoutedRequest,
  values: Record<string, string>,
): boolean {
  const sources: Readonly<Record<string, () => string | undefined>> = {
    header: () => headers[key]?.toString(),
    query: () => url.searchParams.get(key) ?? undefined,
    cookie: () => new RegExp(`(?:^|; *)${key}=([^;]*)`).exec(headers.cookie?.toString() ?? '')?.[1],
  };
  const found = sources[type]?.();
  if (found === undefined || value === undefined) return found !== undefined;
  const match = new RegExp(`^${value}$`).exec(found);
  Object.assign(values, match?.groups);
  return match !== null;
}

function fill(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\$(\w+)/g, (_, name) => values[name] ?? '');
}
