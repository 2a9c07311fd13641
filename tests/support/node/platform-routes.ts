/** Routing as the platform's build output describes it (`config.json`): the parts of it that an app like this one uses. */
export type RouteConfig = {
  readonly routes: readonly Rule[];
  /** Files that are served under another path, or as another type, by their path among the static files. */
  readonly overrides?: Readonly<Record<string, { readonly path?: string; readonly contentType?: string }>>;
};

type Rule = {
  /** Begins a phase; the rules after it are of that phase. */
  readonly handle?: string;
  /** Pattern of the whole path. */
  readonly src?: string;
  readonly dest?: string;
  /** A function that is asked about the request ahead of all else. */
  readonly middlewarePath?: string;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether its headers count for more than those that a function answers. */
  readonly important?: boolean;
  readonly has?: readonly Condition[];
  readonly missing?: readonly Condition[];
  /** Whether the rules after it apply too. */
  readonly continue?: boolean;
};

type Condition = { readonly type: string; readonly key: string; readonly value?: string };

/** What routing looks at. Header names in small letters. */
export type RoutedRequest = {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
};

/** Where a request goes, and what its answer carries besides. */
export type Routed = {
  /** A path that `exists` knows; null: there is nothing, and nothing to say so. */
  readonly path: string | null;
  /** Replaces the answer's own status; null: does not. */
  readonly status: number | null;
  /** What the answer carries unless it says so itself. Names in small letters, as of all headers here. */
  readonly headers: Readonly<Record<string, string>>;
  /** What it carries whatever it says. */
  readonly important: Readonly<Record<string, string>>;
};

/**
 * Routes a request.
 * @param exists whether a path is a function's or a file's.
 */
export function routeRequest(
  { routes }: RouteConfig,
  request: RoutedRequest,
  exists: (path: string) => boolean,
): Routed {
  const first = applyPhase(routes, null, request, request.url.pathname);
  const isMoved = first.status !== null && first.headers.location !== undefined;
  if (isMoved) return { ...first, path: null };
  // Rules that look again are for what was not found.
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

/** The path of the function that is to be asked about a request first; null: none. */
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

/** Whether the request has what the condition asks for; named groups of its pattern are added to `values`. */
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
