import { type Fault, type FaultTargets, lasting, type Occurrence } from './fault.ts';

const one = { part: 'processes', reach: 'all' } as const;

/** Ends the process at this place with a signal, and starts another one later. */
async function replaceAfter(
  { fleet }: FaultTargets,
  place: number,
  { fault, draw }: Occurrence,
  signal: NodeJS.Signals,
  downMs: number,
): Promise<void> {
  const app = fleet.at(place);
  app.endedBy = fault;
  app.signal(signal);
  await lasting(downMs);
  await fleet.start(place, draw);
  await app.ended;
}

/** Faults of the app's processes. */
export const processFaults: readonly Fault[] = [
  {
    ...one,
    name: 'a process killed (SIGKILL), another started later',
    seconds: [1, 3],
    inject: (targets, occurrence) =>
      replaceAfter(
        targets,
        occurrence.draw.whole(0, targets.fleet.size - 1),
        occurrence,
        'SIGKILL',
        occurrence.forMs,
      ),
  },
  {
    ...one,
    name: 'a process stopped (SIGTERM), another started later',
    seconds: [1, 3],
    inject: (targets, occurrence) =>
      replaceAfter(
        targets,
        occurrence.draw.whole(0, targets.fleet.size - 1),
        occurrence,
        'SIGTERM',
        occurrence.forMs,
      ),
  },
  {
    ...one,
    name: 'all processes killed at once',
    seconds: [1, 2],
    async inject(targets, occurrence) {
      const places = Array.from({ length: targets.fleet.size }, (_, place) => place);
      await Promise.all(
        places.map((place) => replaceAfter(targets, place, occurrence, 'SIGKILL', occurrence.forMs)),
      );
    },
  },
  {
    ...one,
    name: 'a process replaced by one with other settings, without a pause',
    seconds: [1, 2],
    async inject({ fleet }, { fault, draw }) {
      const place = draw.whole(0, fleet.size - 1);
      const old = fleet.at(place);
      await fleet.start(place, draw);
      old.endedBy = fault;
      old.signal('SIGTERM');
      await old.ended;
    },
  },
  {
    ...one,
    name: 'a process frozen, then resumed (SIGSTOP, SIGCONT)',
    seconds: [2, 9],
    async inject({ fleet }, { draw, forMs }) {
      const app = fleet.at(draw.whole(0, fleet.size - 1));
      app.signal('SIGSTOP');
      await lasting(forMs);
      app.signal('SIGCONT');
    },
  },
  {
    name: 'process clocks up to an hour wrong, and jumping',
    part: 'clocks',
    reach: 'all',
    seconds: [4, 12],
    async inject({ fleet }, { draw, forMs }) {
      const jumps = draw.whole(1, 4);
      for (let jump = 0; jump < jumps; jump += 1) {
        for (let place = 0; place < fleet.size; place += 1) {
          fleet.moveClock(place, draw.whole(-3_600_000, 3_600_000));
        }
        await lasting(forMs / jumps);
      }
      for (let place = 0; place < fleet.size; place += 1) fleet.moveClock(place, 0);
    },
  },
];
