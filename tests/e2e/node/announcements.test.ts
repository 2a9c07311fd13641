import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { LocalUpstash } from '../../../scripts/local-upstash/local-upstash.ts';
import { startApp } from '../../support/node/app-process.ts';
import { range, store } from '../../support/node/publish.ts';
import { startRedisStand } from '../../support/node/redis-stand.ts';
import { startResumingReader } from '../../support/node/resuming-reader.ts';

type SubscriptionFault = {
  readonly name: string;
  /** Called before the event with this number is published. */
  readonly inject: (upstash: LocalUpstash, number: number) => void;
};

const subscriptionFaults: readonly SubscriptionFault[] = [
  {
    name: 'is cut again and again',
    inject: (upstash, number) => number % 10 === 0 && upstash.cutSubscriptions(),
  },
  {
    name: 'falls silent and stays open',
    inject: ({ faults }, number) => {
      if (number === 20) faults.isSilent = true;
    },
  },
  {
    name: 'falls silent for two seconds',
    inject: ({ faults }, number) => {
      faults.isSilent = number >= 20 && number < 60;
    },
  },
  {
    name: 'announces nothing',
    inject: ({ faults }) => {
      faults.loseAnnouncementShare = 1;
    },
  },
  {
    name: 'announces two of three events',
    inject: ({ faults }) => {
      faults.loseAnnouncementShare = 1 / 3;
    },
  },
  {
    name: 'announces every event twice',
    inject: ({ faults }) => {
      faults.repeatAnnouncementShare = 1;
    },
  },
  {
    name: 'announces events a second late',
    inject: (upstash, number) => {
      upstash.faults.isHoldingAnnouncements = true;
      if (number % 20 === 0) upstash.releaseAnnouncements();
    },
  },
  {
    name: 'is refused after a cut',
    inject: (upstash, number) => {
      upstash.faults.refuseSubscriptions = 429;
      if (number === 10) upstash.cutSubscriptions();
    },
  },
];

describe.concurrent('a subscription that', () => {
  test.for(subscriptionFaults)('$name costs no reader an event', async ({ inject }) => {
    await using stand = await startRedisStand();
    await using app = await startApp({ ...stand.env, TAIL_CHECK_SECONDS: '1' });
    await using reader = await startResumingReader(app);
    for (const number of range(1, 100)) {
      inject(stand.upstash, number);
      await store(app, [number]);
      await sleep(40);
    }
    await reader.until(100);
    expect(reader.data).toEqual(range(1, 100));
    expect(reader.gaps).toEqual([]);
    expect(reader.connections()).toBe(1);
  });
});
