import { channels, types, type World } from './world.ts';

/** Lets one thing happen, and a little time pass. @returns what it was. */
export async function act(world: World): Promise<string> {
  const { clock, random } = world;
  const dice = random.next();
  const [, what] = actions.find(([share]) => dice < share) ?? [1, publish];
  const action = await what(world);
  await clock.advance(random.next() < 0.03 ? random.whole(200, 4_000) : random.whole(0, 30));
  return action;
}

/** Ends trouble whose time is over; for time that passed while nothing ran. */
function endTrouble({ clock, troubles }: World): void {
  for (const trouble of troubles) if (trouble.at <= clock.elapsed()) trouble.end();
}

const actions: readonly (readonly [number, (world: World) => string | Promise<string>])[] = [
  [0.005, publishMany],
  [0.008, publishBig],
  [0.02, cutProcess],
  [0.03, silenceProcess],
  [0.045, changeFate],
  [0.055, takeDown],
  [0.065, slowDown],
  [0.07, breakFollowing],
  [0.08, lag],
  [0.083, trim],
  [0.086, takeOut],
  [0.09, haveAccident],
  [0.092, freeze],
  [0.13, stallReader],
  [0.2, resumeReader],
  [0.23, cutReader],
  [0.25, dropReader],
  [0.5, () => 'nothing'],
  [1, publish],
];

async function publishEvents({ log, random }: World, count: number, size: number): Promise<string> {
  const channel = random.pick(channels);
  const events = Array.from({ length: count }, () => ({
    channel: random.next() < 0.8 ? channel : random.pick(channels),
    type: random.pick(types),
    data: JSON.stringify({ size, text: 'é\u2028\n'.repeat(size) }),
  }));
  await log.append({ events, key: null });
  return `publishes ${count} to ${channel}`;
}

function publish(world: World) {
  return publishEvents(world, world.random.whole(1, 4), 1);
}

function publishMany(world: World) {
  return publishEvents(world, world.random.whole(100, 500), 1);
}

function publishBig(world: World) {
  return publishEvents(world, world.random.whole(5, 40), world.random.whole(1_000, 6_000));
}

function cutProcess({ random, processes }: World): string {
  random.pick(processes).cut();
  return 'cuts subscriptions';
}

function silenceProcess({ random, processes }: World): string {
  random.pick(processes).silence();
  return 'silences subscriptions';
}

function changeFate({ random, processes }: World): string {
  const process = random.pick(processes);
  const share = random.pick([0, 0.1, 0.5]);
  const fates = [[], [0, 0], [random.whole(1, 900)], [random.whole(1, 50), random.whole(1, 3_000)]];
  process.fate = () => (random.next() < share ? random.pick(fates) : [0]);
  return `changes the fate of ${share} of the announcements`;
}

function forA(world: World, ms: number, end: () => void): void {
  const cancel = world.clock.after(ms, () => trouble.end());
  const trouble = {
    at: world.clock.elapsed() + ms,
    end() {
      cancel();
      world.troubles.delete(trouble);
      end();
    },
  };
  world.troubles.add(trouble);
}

function takeDown(world: World): string {
  const process = world.random.pick(world.processes);
  process.isDown = true;
  if (world.random.next() < 0.5) process.cut();
  const ms = world.random.whole(100, world.random.pick([1_000, 6_000, 50_000]));
  forA(world, ms, () => {
    process.isDown = false;
  });
  return `takes the log down for ${ms}`;
}

function slowDown(world: World): string {
  const process = world.random.pick(world.processes);
  process.answerMs = world.random.whole(1, world.random.pick([50, 900]));
  forA(world, world.random.whole(100, 8_000), () => {
    process.answerMs = 0;
  });
  return `answers after ${process.answerMs}`;
}

function breakFollowing(world: World): string {
  const process = world.random.pick(world.processes);
  process.following = world.random.pick(['fails', 'hangs'] as const);
  forA(world, world.random.whole(100, 20_000), () => {
    process.following = 'works';
    // A log that never acknowledges gives up at some point.
    process.cut();
  });
  return `following ${process.following}`;
}

function lag(world: World): string {
  // Nobody can tell a replica that has never seen a channel from a log that was emptied.
  const isKnown = channels.every((channel) => world.log.kept(channel).length > 0);
  if (world.clock.elapsed() < world.strangeAt || !isKnown) return 'nothing';
  world.log.lag();
  const ms = world.random.whole(50, 3_000);
  world.strangeAt = world.clock.elapsed() + ms + 20_000;
  forA(world, ms, () => world.log.catchUp());
  return `lags for ${ms}`;
}

/*
 * If an event is lost, its seq is issued again and everything up to that seq is then trimmed, a reader at that event sees
 * only the next seq: no log could know. So nothing is removed for a while after an accident.
 */
function trim({ log, random, clock, strangeAt }: World): string {
  if (clock.elapsed() < strangeAt) return 'nothing';
  const channel = random.pick(channels);
  const keep = random.whole(1, 30);
  log.trim(channel, keep);
  return `trims ${channel} to ${keep}`;
}

function takeOut({ log, random, clock, strangeAt }: World): string {
  if (clock.elapsed() < strangeAt) return 'nothing';
  const channel = random.pick(channels);
  const kept = log.kept(channel);
  if (kept.length < 3) return 'nothing';
  const seq = kept[random.whole(1, kept.length - 2)]?.id.seq ?? 0;
  log.takeOut(channel, seq);
  return `takes ${seq} out of ${channel}`;
}

async function haveAccident(world: World): Promise<string> {
  const { clock, random, log, accidents } = world;
  const channel = random.pick(channels);
  if (clock.elapsed() < world.strangeAt || log.kept(channel).length === 0) return 'nothing';
  world.strangeAt = clock.elapsed() + 20_000;
  const count = random.next() < 0.3 ? Infinity : random.whole(1, 20);
  if (count === Infinity) log.empty(channel);
  else log.loseEnd(channel, count);
  // A fail-over breaks the subscriptions too. If it did not, and as many announcements as events were lost, the next
  // announcement would seem to follow.
  for (const process of world.processes) process.cut();
  accidents.set(channel, (accidents.get(channel) ?? 0) + 1);
  await clock.advance(5);
  return `${channel} loses its last ${count}`;
}

function freeze(world: World): string {
  world.clock.freeze(world.random.whole(3_000, 100_000));
  // Outside the process, time passed.
  endTrouble(world);
  return 'freezes';
}

function stallReader({ random, readers }: World): string {
  random.pick(readers).stall(true);
  return 'stalls a reader';
}

function resumeReader({ random, readers }: World): string {
  random.pick(readers).stall(false);
  return 'lets a reader go on';
}

function cutReader({ random, readers }: World): string {
  random.pick(readers).cutNext();
  return 'cuts a reader in its next chunk';
}

function dropReader({ random, readers }: World): string {
  random.pick(readers).drop();
  return 'drops a reader';
}
