import { makeTemporaryFolder } from '../../../support/temporary-folder.ts';
import type { Contestant } from '../contestants.ts';
import { type ColdStart, startCold } from '../deployed-instance.ts';
import { median } from '../figures.ts';
import { startRedisStand } from '../redis-stand.ts';
import type { Case, Measured, Size } from './case.ts';

/** How much longer than the plain route this feed may take: it also subscribes to Redis and reads the end of the log. */
const allowance = { name: '40 ms', ms: 40 } as const;

/** The time until a new instance of a function answers, as the platform builds and starts it. */
export const coldStartCases: readonly Case[] = [
  {
    name: 'cold-start',
    what: 'a new process of the built function, with only the files of its trace, and Redis beside it',
    contestants: ['steadfeedRedis', 'plainNext'],
    figures: [
      {
        name: 'from the start of the process to the first event of a stream',
        unit: 'ms',
        goals: [{ to: ['plainNext', { own: allowance.name }], atMost: 1 }],
      },
      { name: 'of that, until it accepts requests', unit: 'ms', goals: [] },
      { name: 'size of the function', unit: 'MB', goals: [] },
    ],
    run: measureColdStart,
  },
];

async function measureColdStart(contestant: Contestant, size: Size): Promise<Measured> {
  if (contestant.buildFunction === undefined) throw new Error('It has no function of the platform.');
  using folder = makeTemporaryFolder();
  const built = await contestant.buildFunction(folder.path);
  await using redis = await startRedisStand();
  const { streamPath, openMark } = contestant.target({ port: 0 });
  const starts: ColdStart[] = [];
  // The first one reads the files from the disk.
  for (let done = -1; done < (size === 'full' ? 9 : 1); done += 1) {
    const start = await startCold(built, streamPath, openMark, redis.env);
    if (done >= 0) starts.push(start);
  }
  return {
    figures: {
      'from the start of the process to the first event of a stream': median(
        starts.map(({ firstMs }) => firstMs),
      ),
      'of that, until it accepts requests': median(starts.map(({ loadedMs }) => loadedMs)),
      'size of the function': built.megabytes,
      [allowance.name]: allowance.ms,
    },
    clientLoad: 0,
  };
}
