import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { ask } from '../../support/node/ask.ts';
import type { Instance } from '../../support/node/deployed-instance.ts';
import { type Deployment, startDeployment } from '../../support/node/deployment.ts';
import { eventually } from '../../support/node/eventually.ts';
import { startFeedReader } from '../../support/node/feed-reader.ts';
import type { PooledInstance } from '../../support/node/instance-pool.ts';
import { range, store } from '../../support/node/publish.ts';
import { openSse, type SseReader } from '../../support/node/sse-reader.ts';

/** A stream ends 4 s before a limit of 300 s, but just before one of 5 s. A busy machine needs more time. */
const graceSeconds = 4;

/** The only instance of the function for streams. */
function onlyInstance(deployment: Deployment): PooledInstance {
  const [member, another] = deployment.pool('api/stream').members;
  if (member === undefined || another !== undefined) throw new Error('expected exactly one instance');
  return member;
}

/**
 * Freezes the only instance just after its tail has checked the log, so that the next check is nine seconds away.
 * Requests go to other instances.
 * @returns the instance, and the cursor of its last reader.
 */
async function leaveFrozen(deployment: Deployment) {
  using reader = await openSse(deployment);
  const { id: cursor } = await reader.frame('hello');
  await sleep(6_000);
  const member = onlyInstance(deployment);
  member.state = 'resting';
  reader.destroy();
  await eventually('it is frozen', 30_000, () => member.frozenAt !== null);
  return { instance: member.instance, cursor };
}

function giveAllRequestsTo(deployment: Deployment, instance: Instance): void {
  for (const member of deployment.pool('api/stream').members) {
    member.state = member.instance === instance ? 'open' : 'resting';
  }
}

/** The data of a stream's events. */
function dataOf({ frames }: SseReader): unknown[] {
  return frames.flatMap(({ event, data }) => (event === 'message' ? [JSON.parse(data).data] : []));
}

describe.concurrent('a tab that is closed', () => {
  test('frees its stream at once if the platform cancels the function', async () => {
    await using deployment = await startDeployment();
    using stays = await openSse(deployment);
    using leaves = await openSse(deployment);
    for (const reader of [stays, leaves]) await reader.frame('hello');
    const { instance } = onlyInstance(deployment);
    expect(await instance.streams()).toBe(2);
    leaves.destroy();
    await eventually('one stream is open', 10_000, async () => (await instance.streams()) === 1);
    expect(deployment.runs).toMatchObject([{ ending: 'left' }]);
  });

  test('frees its stream at the deadline if the platform does not cancel the function', async () => {
    await using deployment = await startDeployment({ cancels: false, limitSeconds: 5, graceSeconds });
    using leaves = await openSse(deployment);
    await leaves.frame('hello');
    const { instance } = onlyInstance(deployment);
    leaves.destroy();
    await sleep(1_000);
    expect(await instance.streams()).toBe(1);
    await eventually('the stream is over', 30_000, () => deployment.runs.length > 0);
    expect(deployment.runs).toMatchObject([{ ending: 'answered' }]);
    using other = await openSse(deployment);
    await other.frame('hello');
    expect(await instance.streams()).toBe(1);
  });
});

describe.concurrent('an instance', () => {
  test('that gets SIGTERM loses no event of its readers, and no acknowledged event', async () => {
    await using deployment = await startDeployment({ requestsPerInstance: 8 });
    using readers = new DisposableStack();
    const all = range(1, 6).map(() => readers.use(startFeedReader(deployment)));
    const pool = deployment.pool('api/stream');
    await store(deployment, [0]);
    for (const reader of all) await reader.until(1);
    for (const round of range(0, 2)) {
      const stopped = [...pool.members].map((member) => pool.stop(member));
      for (const number of range(1, 10)) await store(deployment, [round * 10 + number]);
      await Promise.all(stopped);
    }
    for (const reader of all) {
      await reader.until(31);
      expect(reader.data).toEqual(range(0, 30));
      expect(reader.feed.getSnapshot()).toMatchObject({ gaps: [], discontinuities: 0 });
    }
  });

  test('hands its streams over and ends them within the 500 ms after SIGTERM', async () => {
    await using deployment = await startDeployment();
    using reader = await openSse(deployment);
    await reader.frame('hello');
    const member = onlyInstance(deployment);
    const stopped = deployment.pool('api/stream').stop(member);
    expect(JSON.parse((await reader.frame('handover')).data)).toEqual({
      reason: 'stopping',
      closesInMs: 200,
    });
    expect(await reader.over).toBe('ended');
    await stopped;
  });

  test('that was frozen reads the log as soon as it is thawed, although it missed all announcements', async () => {
    await using deployment = await startDeployment();
    const { instance, cursor } = await leaveFrozen(deployment);
    deployment.stand.upstash.faults.loseAnnouncementShare = 1;
    for (const number of range(1, 20)) await store(deployment, [number]);
    await sleep(4_000);
    deployment.stand.upstash.faults.loseAnnouncementShare = 0;
    giveAllRequestsTo(deployment, instance);
    using reader = await openSse(deployment, { lastEventId: cursor });
    await eventually('all events have arrived', 3_500, () => dataOf(reader).includes(20));
    expect(dataOf(reader)).toEqual(range(1, 20));
  });

  test('that was frozen until its Redis connections closed accepts the next publish', async () => {
    await using deployment = await startDeployment();
    await store(deployment, [1]);
    const member = onlyInstance(deployment);
    await eventually('it is frozen', 30_000, () => member.frozenAt !== null);
    // The local endpoint closes them after 5 s.
    await sleep(7_000);
    await store(deployment, [2]);
    expect(deployment.pool('api/events').counts).toMatchObject({ starts: 1, thaws: 1 });
  });
});

test.concurrent('a long poll is answered before the platform’s limit, even if it asks for a longer wait', async () => {
  await using deployment = await startDeployment({ limitSeconds: 5, graceSeconds });
  const { status } = await ask(deployment, '/api/events?wait=20');
  expect(status).toBe(200);
  expect(deployment.runs).toMatchObject([{ ending: 'answered' }]);
});

test('an instance accepts only as many streams and channels as it has file descriptors for', async () => {
  await using deployment = await startDeployment({ requestsPerInstance: 2_000 });
  using readers = new DisposableStack();
  const statuses: number[] = [];
  for (const channel of range(1, 480)) {
    const reader = readers.use(await openSse(deployment, { query: `channel=${channel}` }));
    statuses.push(reader.status);
  }
  expect(statuses).toEqual(range(1, 480).map((count) => (count <= 450 ? 200 : 503)));
  await store(deployment, [1], { channel: '1' });
  expect(await onlyInstance(deployment).instance.streams()).toBe(450);
});
