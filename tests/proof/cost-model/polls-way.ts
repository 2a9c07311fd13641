import type { Values } from './constants.ts';
import { channelsFollowed, type Load, type Scenario } from './scenario.ts';
import { publishing, type Way } from './way.ts';

/** The same feed asked for by short polls; answers at the head are shared by the CDN for a second. */
export const sharedPolls: Way = {
  name: 'Steadfeed, polls shared by the CDN',
  perProcess: null,
  load: (values, scenario) => {
    const polls = scenario.readers / values.pollSeconds;
    const followed = channelsFollowed(scenario.channels, scenario.readers);
    return pollLoad(
      values,
      scenario,
      polls,
      Math.min(polls, (followed * values.regions) / values.sharedSeconds),
    );
  },
};

/** Every reader asks once a second, and every answer is read from Redis. */
export const plainPolls: Way = {
  name: 'polls every second',
  perProcess: null,
  load: (values, scenario) => pollLoad(values, scenario, scenario.readers, scenario.readers),
};

function pollLoad(values: Values, scenario: Scenario, polls: number, atOrigin: number): Load {
  const { readers, eventRate } = scenario;
  const published = publishing(scenario);
  const cpus = (atOrigin * values.cpuMsPerPoll) / 1_000;
  const processes = Math.max(1, Math.ceil(cpus / values.cpusPerProcess));
  return {
    processes,
    openRequests: atOrigin * (values.pollMs / 1_000),
    subscriptions: 0,
    redisCommandsPerSecond: published + atOrigin,
    redisBytesPerSecond: atOrigin * eventRate * values.eventBytes,
    invocationsPerSecond: atOrigin + published,
    cdnRequestsPerSecond: polls + published,
    cpus,
    // An instance sleeps between polls when they are few.
    awakeProcesses: Math.max(cpus / values.cpusPerProcess, 1 - Math.exp(-atOrigin * (values.pollMs / 1_000))),
    bytesToReadersPerSecond: polls * values.pollBytes + readers * eventRate * values.eventBytes,
    bytesFromProcessesPerSecond: atOrigin * (values.pollBytes + eventRate * values.eventBytes),
  };
}
