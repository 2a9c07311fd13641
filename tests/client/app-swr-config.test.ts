import { describe, expect, test } from 'vitest';
import { type AppConfig, appWithFeed } from '../support/client/app-with-feed.tsx';
import { seeded, seeds } from '../support/seeded.ts';

/* An app configures SWR for its own requests. A feed that polls uses SWR too: none of this may reach it. */

type Options = Exclude<AppConfig, (...args: never) => unknown>;
type Middleware = NonNullable<Options['use']>[number];

const never = new Promise<never>(() => {});
const fail = () => {
  throw new Error('of the app');
};
/** Has `value` for each key of SWR's cache. */
const forEveryKey = <T>(value: T) => new Proxy<Record<string, T>>({}, { get: () => value });

/** A cache that forgets what SWR stores, and has an error for each key. */
const brokenCache = () => ({
  get: () => ({ data: 'of the app', error: new Error('of the app') }),
  set: () => undefined,
  delete: () => undefined,
  keys: () => [].values(),
});

/** Options that an app's middleware sets for each request. */
const pausing = { suspense: true, isPaused: () => true, refreshInterval: 0 } satisfies Options;

const middleware = {
  readsKey: (next) => (key, fetcher, config) => next(key && (key as string).trim(), fetcher, config),
  changesKey: (next) => (_, fetcher, config) => next('of the app', fetcher, config),
  withoutKey: (next) => (_, fetcher, config) => next(null, fetcher, config),
  changesFetcher: (next) => (key, _, config) => next(key, null, config),
  changesOptions: (next) => (key, fetcher, config) => next(key, fetcher, { ...config, ...pausing }),
  changesAnswer: (next) => (key, fetcher, config) => ({ ...next(key, fetcher, config), data: undefined }),
} satisfies Record<string, Middleware>;

/**
 * For each option of SWR, values that could disturb the polls. The type has all options of the installed SWR: a new one
 * fails the type check until it has its values here.
 */
const disturbing: { readonly [Name in keyof Options]-?: readonly NonNullable<Options[Name]>[] } = {
  suspense: [true],
  isPaused: [() => true, fail],
  fetcher: [() => 'of the app', () => never, fail],
  refreshInterval: [0, 3_600_000, () => 0],
  refreshWhenHidden: [false],
  refreshWhenOffline: [false],
  isVisible: [() => false, fail],
  isOnline: [() => false, fail],
  dedupingInterval: [3_600_000],
  focusThrottleInterval: [3_600_000],
  loadingTimeout: [1],
  errorRetryInterval: [0, 3_600_000],
  errorRetryCount: [0],
  shouldRetryOnError: [false],
  revalidateOnFocus: [false],
  revalidateOnReconnect: [false],
  revalidateOnMount: [false],
  revalidateIfStale: [false],
  keepPreviousData: [true],
  strictServerPrefetchWarning: [true],
  fallbackData: ['of the app', never],
  fallback: [forEveryKey('of the app'), forEveryKey(never)],
  cacheData: [forEveryKey('of the app'), forEveryKey(never)],
  compare: [() => true, fail],
  onSuccess: [fail],
  onError: [fail],
  onErrorRetry: [() => undefined, fail],
  onLoadingSlow: [fail],
  onDiscarded: [fail],
  provider: [() => new Map(), brokenCache],
  initFocus: [() => undefined],
  initReconnect: [() => undefined],
  use: Object.values(middleware).map((each) => [each]),
};

const single = Object.entries(disturbing).flatMap(([name, values]) =>
  values.map(
    (value, index) => [`${name}, ${index + 1} of ${values.length}`, { [name]: value } as Options] as const,
  ),
);

/** Half of the options, each with one of its values. */
function someOptions(seed: number): Options {
  const random = seeded(seed);
  const chosen = Object.entries(disturbing).filter(() => random.chance(0.5));
  return Object.fromEntries(chosen.map(([name, values]) => [name, random.pick([...values] as unknown[])]));
}

/** The feed shows at most 2.5 s late what is published, and at once when the page is shown. React never hides it. */
async function expectPolling(config: AppConfig) {
  await using app = await appWithFeed(config);
  await app.passes(5_000);
  expect(app.feed().status).toBe('polling');
  app.server.publish(2);
  await app.passes(2_500);
  expect(app.seqs()).toEqual([1, 2, 3, 4, 5]);
  await app.passes(60_000);
  app.server.publish(1);
  await app.isShown();
  expect(app.seqs()).toEqual([1, 2, 3, 4, 5, 6]);
  expect(app.wasHidden()).toBe(false);
}

describe('a feed that polls goes on in an app whose SWRConfig has', () => {
  test.each(single)('%s', (_name, config) => expectPolling(config));

  test.each(seeds(20))('several options at once (seed %i)', (seed) => expectPolling(someOptions(seed)));

  test('a function instead of options', () =>
    expectPolling(() => ({ ...pausing, use: [middleware.changesFetcher] })));
});

test('a feed that polls goes on, up to a second late, in an app whose middleware does not call SWR', async () => {
  const answer = { data: undefined, error: undefined, isLoading: false, isValidating: false, mutate: fail };
  await using app = await appWithFeed({ use: [() => () => answer] });
  await app.passes(5_000);
  app.server.publish(2);
  await app.passes(3_500);
  expect(app.seqs()).toEqual([1, 2, 3, 4, 5]);
  const asked = app.server.asked.length;
  await app.passes(20_000);
  expect(app.server.asked.length - asked).toBeLessThan(14);
});

test('an app’s own requests keep the options of its SWRConfig', async () => {
  await using app = await appWithFeed({ suspense: true, fetcher: () => never }, 'key of the app');
  expect(app.wasHidden()).toBe(true);
});
