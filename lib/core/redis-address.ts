/** Where a Redis is that is reached over TCP, and how to log in. */
export type RedisAddress = {
  /** `sentinel`: the nodes are Sentinels, which know the primary. `cluster`: the nodes are some nodes of a Redis Cluster. */
  readonly kind: 'single' | 'sentinel' | 'cluster';
  /** At least one; more than one for Sentinels and a cluster only. */
  readonly nodes: readonly RedisNode[];
  readonly isEncrypted: boolean;
  readonly username: string | null;
  readonly password: string | null;
  readonly database: number;
  /** The name under which the Sentinels know the primary; null for the other kinds. */
  readonly primaryName: string | null;
  /** The password of the Sentinels themselves, and its user; null: they ask for none. */
  readonly sentinelUsername: string | null;
  readonly sentinelPassword: string | null;
};

export type RedisNode = { readonly host: string; readonly port: number };

/** How the URL of a Redis must look; the end of an error about one that does not. */
export const redisUrlRule =
  'Use redis://user:password@host:port/database, redis+sentinel://host,host/database?name=<primary> or redis+cluster://host,host, with rediss for TLS. Percent-encode special characters in the password.';

const urlPattern =
  /^(redis|rediss)(?:\+(sentinel|cluster))?:\/\/(?:([^@/?#\s]*)@)?([^@/?#\s]+)(?:\/(\d{0,5}))?(?:\?([^#\s]*))?$/;

/**
 * Reads a URL such as `rediss://user:password@host:6379/0`. The platform's own parser refuses several hosts, which Sentinels
 * and clusters have.
 * @returns null for any other text, for parameters that are not known, and for a database number on a cluster.
 */
export function parseRedisUrl(text: string): RedisAddress | null {
  const [matched, scheme, mode, login, hosts = '', database = '', query = ''] = urlPattern.exec(text) ?? [];
  if (matched === undefined) return null;
  const kind = mode === 'sentinel' || mode === 'cluster' ? mode : 'single';
  const isSentinel = kind === 'sentinel';
  const nodes = hosts.split(',').map((host) => parseNode(host, isSentinel ? 26_379 : 6_379));
  const [username, password] = login === undefined ? [null, null] : parseLogin(login);
  const parameters = new URLSearchParams(query);
  const known = isSentinel ? ['name', 'sentinel_username', 'sentinel_password'] : [];
  if (!isWhole(nodes) || username === undefined || password === undefined) return null;
  if ([...parameters.keys()].some((name) => !known.includes(name))) return null;
  if (isSentinel !== Boolean(parameters.get('name'))) return null;
  if (kind === 'single' && nodes.length > 1) return null;
  if (kind === 'cluster' && Number(database) !== 0) return null;
  return {
    kind,
    nodes,
    isEncrypted: scheme === 'rediss',
    username,
    password,
    database: Number(database),
    primaryName: parameters.get('name') || null,
    sentinelUsername: parameters.get('sentinel_username') || null,
    sentinelPassword: parameters.get('sentinel_password') || null,
  };
}

/** `host`, `host:port`, `[::1]:port` */
function parseNode(text: string, defaultPort: number): RedisNode | null {
  const [, six, name, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = six ?? name;
  if (host === undefined || Number(port) === 0 || Number(port) > 65_535) return null;
  return { host, port: port === undefined ? defaultPort : Number(port) };
}

function isWhole(nodes: readonly (RedisNode | null)[]): nodes is readonly RedisNode[] {
  return !nodes.includes(null);
}

/** `user:password` or `:password`; undefined for anything else. */
function parseLogin(text: string): readonly (string | null | undefined)[] {
  const at = text.indexOf(':');
  if (at === -1) return [undefined, undefined];
  try {
    return [decodeURIComponent(text.slice(0, at)) || null, decodeURIComponent(text.slice(at + 1)) || null];
  } catch {
    return [undefined, undefined];
  }
}
