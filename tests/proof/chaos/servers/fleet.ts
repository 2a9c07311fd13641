import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Seeded } from '../../../support/seeded.ts';
import { type AppProcess, startAppProcess } from './app-process.ts';

/** The app's processes. Each has a place that outlives it: who is killed is followed by another. */
export type Fleet = AsyncDisposable & {
  readonly size: number;
  /** The processes that the front knows, dead ones included: it is told late. */
  serving(): readonly AppProcess[];
  at(place: number): AppProcess;
  /** Starts another process, with other settings; the front knows it from then on. */
  start(place: number, draw: Seeded): Promise<void>;
  /** Moves the clock of a place's process, in ms against the true time. */
  moveClock(place: number, offMs: number): void;
  /** What the processes printed that nobody expects. */
  surprises(): readonly string[];
};

/** What a process prints only when something is wrong with it, whatever its clients and its log do. */
const surprise = /unexpected error|unhandled|uncaught|MaxListeners|failed to pipe|Warning:/i;

/** Settings that differ from process to process, as they do while a new version is rolled out. */
function drawSettings(draw: Seeded): Readonly<Record<string, string>> {
  return {
    STREAM_MAX_SECONDS: String(draw.whole(6, 10)),
    HEARTBEAT_SECONDS: String(draw.whole(1, 3)),
    TAIL_CHECK_SECONDS: String(draw.whole(3, 10)),
    POLL_MODE: draw.pick(['long', 'short']),
    PROBE_MAX_SECONDS: '5',
  };
}

export type FleetOptions = {
  readonly size: number;
  /** The folder of the build that runs; null: this project's own. */
  readonly app: string | null;
  /** Settings of all processes. */
  readonly env: Readonly<Record<string, string>>;
  /** For files of the run. */
  readonly folder: string;
  readonly draw: Seeded;
};

/** Starts the processes, one after the other. */
export async function startFleet({ size, app: build, env, folder, draw }: FleetOptions): Promise<Fleet> {
  const places: AppProcess[] = [];
  const surprises: string[] = [];
  const clockFileOf = (place: number) => join(folder, `clock-${place}`);

  const note = (app: AppProcess) => {
    const found = app
      .printed()
      .split('\n')
      .find((line) => surprise.test(line));
    if (found !== undefined) surprises.push(found);
  };
  const watch = (app: AppProcess) => {
    void app.ended.then(() => {
      note(app);
      if (app.endedBy === null) surprises.push(`a process ended by itself: ${app.printed().slice(-500)}`);
    });
  };
  const start = async (place: number, own: Seeded) => {
    const app = await startAppProcess(build, { ...env, ...drawSettings(own) }, clockFileOf(place));
    watch(app);
    places[place] = app;
  };
  for (let place = 0; place < size; place += 1) {
    writeFileSync(clockFileOf(place), '0');
    await start(place, draw);
  }
  return {
    size,
    serving: () => places,
    at: (place) => {
      const app = places[place % size];
      if (app === undefined) throw new Error(`no process ${place}`);
      return app;
    },
    start,
    moveClock: (place, offMs) => writeFileSync(clockFileOf(place % size), String(offMs)),
    surprises() {
      for (const app of places) if (!app.hasEnded()) note(app);
      return surprises;
    },
    async [Symbol.asyncDispose]() {
      for (const app of places) {
        app.endedBy ??= 'the end';
        app.signal('SIGKILL');
      }
      await Promise.all(places.map(({ ended }) => ended));
    },
  };
}
