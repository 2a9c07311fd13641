import type { App } from './app-process.ts';
import { eventually } from './eventually.ts';

/** Waits until the app has this many open streams. */
export async function untilStreams(app: App, count: number, withinMs: number): Promise<void> {
  await eventually(`${count} streams are open`, withinMs, async () => (await app.health()).streams === count);
}

/** Waits until the app has this many tails. */
export async function untilTails(app: App, count: number, withinMs: number): Promise<void> {
  await eventually(`there are ${count} tails`, withinMs, async () => (await app.health()).tails === count);
}
