import type { RoamingOptions } from './roaming-reader.ts';
import { act } from './trouble.ts';
import { channels, makeWorld, types, type World } from './world.ts';

/** How a run went. */
export type Outcome = {
  /** The first failure; null: none. */
  readonly failure: unknown;
  readonly events: number;
  readonly gaps: number;
  /** The last actions, oldest first. */
  readonly trace: readonly string[];
};

/** Runs readers of one kind, publishers and accidents at random for `steps` steps, heals everything, and checks that every reader has everything. */
export async function runCorePromise(
  seed: number,
  steps: number,
  by: RoamingOptions['by'] = 'routes',
): Promise<Outcome> {
  const world = makeWorld(seed, by);
  const trace: string[] = [];
  const failed = () => world.readers.map((reader) => reader.failure()).find((failure) => failure !== null);
  let failure: unknown = null;
  for (let step = 0; step < steps && failure === null; step++) {
    const action = await act(world);
    trace.push(`${step} ${world.clock.elapsed()} ${action}`);
    if (trace.length > 300) trace.shift();
    failure = failed() ?? null;
  }
  failure ??= await finish(world).catch((error: unknown) => error);
  for (const reader of world.readers) reader.stop();
  await world.clock.advance(1_000);
  for (const { tails } of world.runtimes) tails.close();
  const sum = (what: 'events' | 'gaps') =>
    world.readers.reduce((total, { record }) => total + record.taken[what], 0);
  return { failure: failure ?? null, events: sum('events'), gaps: sum('gaps'), trace };
}

/** Heals everything; then each publish must reach every reader, and nothing may be missing. */
async function finish(world: World): Promise<unknown> {
  for (const trouble of world.troubles) trouble.end();
  for (const process of world.processes) process.fate = () => [0];
  for (const reader of world.readers) reader.stall(false);
  // Longer than the longest silence without a check.
  await advanceInSteps(world, 100);
  const before = world.log.stored.length;
  const events = channels.flatMap((channel) => types.map((type) => ({ channel, type, data: '"end"' })));
  await world.log.append({ events, key: null });
  const marks = world.log.stored.slice(before);
  await advanceInSteps(world, 100);
  for (const [index, reader] of world.readers.entries()) {
    const failure = reader.failure();
    if (failure !== null) return failure;
    reader.record.isComplete();
    if (!marks.some((mark) => reader.record.has(mark))) throw new Error(`reader ${index} has stopped`);
  }
  return null;
}

async function advanceInSteps({ clock }: World, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) await clock.advance(1_000);
}
