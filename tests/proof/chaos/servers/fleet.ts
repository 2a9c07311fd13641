import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Seeded } from '../../../support/seeded.ts';
import { type AppProcess, startAppProcess } from './app-process.ts';

/** The app's processes. Each has a numbered place; after a process ends, another one takes its place. */
export type Fleet = AsyncDisposable & {
  readonly size: number;
  /** The processes that the load balancer uses. It notices late that one has died. */
  serving(): readonly AppProcess[];
  at(place: number): AppProcess;
  /** Starts another process with other settings; the load balancer uses it from then on. */
  start(place: number, draw: Seeded): Promise<void>;
  /** Sets the clock of a process wrong by this many ms. */
  moveClock(place: number, offMs: number): void;
  /** Unexpected lines that the processes printed. */
  surprises(): readonly string[];
};

/** A process prints this only because of a bug, not because of its clients or its log. */
const surprise = /unexpected error|unhandled|uncaught|MaxListeners|failed to pipe|Warning:/i;

/** Settings that differ between processes, as during the roll-out of a new version. */
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
  /** The folder of the build; null: this project. */
  readonly app: string | null;
  /** Settings of all processes. */
  readonly env: Readonly<Record<string, string>>;
  /** A folder for files of the run. */
  readonly folder: string;
  readonly draw: Seeded;
};

/** Starts the processes one after the other. */
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
      if (app.endedBy === null)
        surprises.push(`a process ended without a fault: ${app.printed().slice(-500)}`);
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
      if (app === undefined) throw new Error(`There is no process ${place}.`);
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
