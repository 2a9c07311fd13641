import type { Faults } from '../../../../scripts/local-upstash/faults.ts';
import { type Fault, lasting } from './fault.ts';

/** A fault between the app and Redis: sets fields of the endpoint for a while. */
function onEndpoint(
  name: string,
  part: 'calls' | 'announcements',
  set: Partial<Omit<Faults, 'nextCalls' | 'random'>>,
): Fault {
  return {
    ...{ name, part, seconds: [2, 8], reach: 'all' },
    async inject({ upstash }, { forMs }) {
      const before = { ...upstash.faults };
      Object.assign(upstash.faults, set);
      await lasting(forMs);
      for (const field of Object.keys(set) as (keyof typeof set)[]) {
        Object.assign(upstash.faults, { [field]: before[field] });
      }
      upstash.releaseAnnouncements();
    },
  };
}

/** Faults of the REST API: of its calls and of its announcements. */
export const callFaults: readonly Fault[] = [
  onEndpoint('slow Redis: about 2 s for each call', 'calls', { latencyMs: 1_500, jitterMs: 1_000 }),
  onEndpoint('one call to Redis in three fails', 'calls', { failShare: 0.2, dropShare: 0.15 }),
  onEndpoint('one answer of Redis in four is lost', 'calls', { loseAnswerShare: 0.25 }),
  onEndpoint('one announcement in three is lost', 'announcements', { loseAnnouncementShare: 0.33 }),
  onEndpoint('one announcement in two arrives twice', 'announcements', { repeatAnnouncementShare: 0.5 }),
  onEndpoint('announcements late, then all at once', 'announcements', { isHoldingAnnouncements: true }),
  onEndpoint('announcements late and out of order', 'announcements', { announcementJitterMs: 1_500 }),
  onEndpoint('subscriptions silent', 'announcements', { isSilent: true }),
  onEndpoint('subscriptions refused', 'announcements', { refuseSubscriptions: 500 }),
  {
    name: 'subscriptions cut',
    part: null,
    reach: 'all',
    seconds: [1, 5],
    async inject({ upstash }, { forMs, draw }) {
      const times = draw.whole(1, 3);
      for (let time = 0; time < times; time += 1) {
        upstash.cutSubscriptions();
        await lasting(forMs / times);
      }
    },
  },
];
