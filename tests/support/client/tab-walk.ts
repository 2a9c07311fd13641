import { historyCheck } from './history-check.ts';
import { type BrowserOptions, manyTabs, type OpenTab } from './many-tabs.ts';
import type { ModelLog } from './model-log.ts';

/*
 * A seeded walk through everything that can happen to tabs, while messages between them are lost, doubled and late. It
 * checks each event that a tab accepts, and measures all the time which tab leads.
 */
export type World = BrowserOptions & {
  /** Scripts of tabs stop for a while, and the browser does not release their lock. */
  readonly hangs: boolean;
  /** The log drops its oldest events; it loses its newest events, or begins again. */
  readonly trims: boolean;
  readonly restarts: boolean;
  /** The channel ends, and begins anew. */
  readonly ends?: boolean;
};

/** Walks `actions` steps. @returns how it ended: everything must be in order then. */
export function walkTabs(seed: number, actions: number, world: World) {
  const browser = manyTabs({ ...world, seed });
  const { random } = browser;
  let tabs: OpenTab[] = [];
  const checks = new Map<OpenTab, { readonly check: ReturnType<typeof historyCheck>; seen: number }>();
  let restarts = 0;

  /** How long at most there was a visible tab and no visible leader; and how long there were two leaders. */
  const spells = { without: spell(), many: spell() };
  browser.observe(() => {
    for (const [tab, held] of checks)
      for (; held.seen < tab.entries.length; held.seen += 1) {
        const entry = tab.entries[held.seen];
        if (entry !== undefined && !world.isFiltered) held.check.take(entry);
      }
    for (const tab of tabs) checkReader(tab);
    for (const tab of tabs) checkEnd(tab, browser.log);
    const alive = tabs.filter((tab) => !tab.isGone() && !tab.isHanging());
    const on = alive.filter((tab) => tab.state().election.role !== 'off');
    const leaders = on.filter((tab) => tab.state().election.role === 'leader');
    const isVisible = (tab: OpenTab) => !tab.state().election.isHidden;
    spells.without.note(on.some(isVisible) && !leaders.some(isVisible), browser.now);
    spells.many.note(leaders.length > 1, browser.now);
  });

  function open() {
    const after = random.pick(['0-0', '0-0', null]);
    const tab = browser.open({ after, isHidden: random.chance(0.4) });
    tabs.push(tab);
    checks.set(tab, { check: historyCheck(), seen: 0 });
  }

  function changeLog() {
    if (world.ends && random.chance(0.1)) return browser.finish();
    const dice = random.next();
    if (world.trims && dice < 0.05) browser.log.trim(1 + random.below(4));
    else if (world.restarts && dice < 0.09) {
      restarts += 1;
      if (dice < 0.07) browser.log.fork(1 + random.below(3));
      else browser.log.replace();
      browser.news();
    } else browser.publish(1 + random.below(3));
  }

  function happen(tab: OpenTab) {
    const acts = [
      'hide',
      'show',
      'show',
      'freeze',
      'thaw',
      'wake',
      'disable',
      'enable',
      'cut',
      'retry',
      'hang',
    ] as const;
    const act = random.pick(acts);
    switch (act) {
      case 'disable':
        return tab.dispatch({ kind: 'disabled' });
      case 'enable':
        return tab.dispatch({ kind: 'enabled' });
      case 'retry':
        return tab.dispatch({ kind: 'retry' });
      case 'cut': {
        const [stream] = tab.state().connection.streams;
        return stream && tab.dispatch({ kind: 'disconnected', stream: stream.key });
      }
      case 'hang':
        return world.hangs ? tab.hang() : undefined;
      default:
        return tab[act]();
    }
  }

  open();
  for (let count = 0; count < actions; count += 1) {
    const dice = random.next();
    const tab = tabs[random.below(tabs.length)];
    if (dice < 0.45 || tab === undefined) changeLog();
    else if (dice < 0.55 && tabs.length < 6) open();
    else if (dice < 0.6 && tabs.length > 1) {
      if (random.chance(0.5)) tab.close();
      else tab.crash();
      tabs = tabs.filter((each) => each !== tab);
    } else happen(tab);
    browser.passes(random.pick([0, 5, 30, 200, 700, 3_000]));
    if (random.chance(0.01)) browser.passes(90_000);
  }

  // Everything works again: one visible tab must lead, and all must get to the end of the log. Messages must arrive too:
  // a leader whose answers are lost is replaced, and at each change of the leader two streams overlap for a moment.
  browser.calmBus();
  for (const tab of tabs) {
    tab.wake();
    tab.thaw();
    tab.dispatch({ kind: 'enabled' });
    // The channel may have begun anew since.
    if (tab.state().connection.mode === 'ended') tab.dispatch({ kind: 'retry' });
  }
  tabs[0]?.show();
  browser.passes(60_000);
  if (world.ends) browser.finish();
  else browser.publish(2);
  browser.passes(30_000);
  return {
    browser,
    tabs,
    spells,
    restarts,
    reported: Math.max(...[...checks.values()].map(({ check }) => check.restarts())),
  };
}

/** @throws Error when a tab is over before it has the channel's last event, or when it keeps something after that. */
function checkEnd(tab: OpenTab, log: ModelLog) {
  const { connection, election } = tab.state();
  if (connection.mode !== 'ended') return;
  const position = connection.reader.positions.get('feed')?.position;
  if (position === undefined || !log.hasEndedAt(position)) throw new Error(`${tab.name} is over too soon`);
  const { streams, poll } = connection;
  const isQuiet = streams.length === 0 && poll === null && tab.nextTimerAt() === null;
  if (!isQuiet || election.role !== 'off' || election.lock !== null)
    throw new Error(`${tab.name} is over, and keeps something`);
}

/** @throws Error when a follower reads by itself. Without `expect`, since it runs very often. */
function checkReader(tab: OpenTab) {
  const { connection, following, election } = tab.state();
  const { streams, mode } = connection;
  const isListening = mode === 'standby' || mode === 'paused' || mode === 'stopped';
  if (
    election.role === 'follower' &&
    following.releaseLeadAt === null &&
    (streams.length > 0 || !isListening)
  )
    throw new Error(`${tab.name} reads beside the leader: ${mode}`);
}

function spell() {
  let since: number | null = null;
  let longestMs = 0;
  return {
    note(isSo: boolean, now: number) {
      if (since !== null) longestMs = Math.max(longestMs, now - since);
      if (!isSo) since = null;
      else since ??= now;
    },
    longestMs: () => longestMs,
  };
}
