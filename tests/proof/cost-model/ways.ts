import type { Values } from './constants.ts';
import { channelsFollowed, type Load, type Scenario } from './scenario.ts';
import { type Capacity, capacityOf, fitsMemory, publishing, streamCpus, type Way } from './way.ts';

const streamsPerProcess = (values: Values, { channels, eventRate }: Scenario): Capacity =>
  capacityOf([
    { limit: 'STREAM_MAX_CONNECTIONS', fits: (count) => count <= values.streamsPerProcess },
    {
      limit: 'streams + subscriptions',
      fits: (count) => count + channelsFollowed(channels, count) <= values.openPerProcess,
    },
    { limit: 'memory', fits: (count) => fitsMemory(values, count) },
    {
      limit: 'processor',
      fits: (count) => count * streamCpus(values, frameRate(values, eventRate)) <= values.cpusPerProcess,
    },
  ]);

/** This feed's streams: one subscription for each channel and process, whatever the number of readers. */
export const streams: Way = {
  name: 'Steadfeed, streams',
  perProcess: streamsPerProcess,
  load(values, scenario) {
    const { readers, channels, eventRate } = scenario;
    const processes = Math.ceil(readers / streamsPerProcess(values, scenario).readers);
    const tails = channelsFollowed(channels, readers / processes);
    const subscriptions = processes * tails;
    const opens = readers / values.streamSeconds;
    // A stream that ends is opened again on a random process. If its channel has no tail there, a new one starts.
    const tailsBegun = opens * (1 - 1 / processes) * (1 - tails / channels);
    // One command renews a subscription that the service ended, if its tail lives that long.
    const renewals = Math.max(0, subscriptions / (values.subscriptionHours * 3_600) - tailsBegun);
    const received = subscriptions * eventRate;
    const bytes = readers * streamBytes(values, eventRate);
    const published = publishing(scenario);
    return {
      processes,
      openRequests: readers,
      subscriptions,
      redisCommandsPerSecond:
        published +
        (processes * values.checksPerHour) / 3_600 +
        tailsBegun * values.commandsPerTail +
        renewals +
        received * values.commandsPerAnnouncement,
      redisBytesPerSecond: received * values.eventBytes,
      invocationsPerSecond: opens + published,
      cdnRequestsPerSecond: opens + published,
      cpus: readers * streamCpus(values, frameRate(values, eventRate)),
      awakeProcesses: processes,
      bytesToReadersPerSecond: bytes,
      bytesFromProcessesPerSecond: bytes,
    };
  },
};

/** Frames per second of a stream: heartbeats if there are no events. */
function frameRate(values: Values, eventRate: number): number {
  return Math.max(eventRate, 1 / values.heartbeatSeconds);
}

/** Bytes per second of one stream: the events of its channel, heartbeats, and its opening. */
function streamBytes(values: Values, eventRate: number): number {
  const silence = Math.max(0, 1 / values.heartbeatSeconds - eventRate);
  return (
    eventRate * values.eventBytes + silence * values.heartbeatBytes + values.openBytes / values.streamSeconds
  );
}

/** This feed by short polls. The CDN shares answers with nothing new for one second. */
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

/** Every reader polls once per second, and every poll reads from Redis. */
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
    // With few polls, an instance sleeps between them.
    awakeProcesses: Math.max(cpus / values.cpusPerProcess, 1 - Math.exp(-atOrigin * (values.pollMs / 1_000))),
    bytesToReadersPerSecond: polls * values.pollBytes + readers * eventRate * values.eventBytes,
    bytesFromProcessesPerSecond: atOrigin * (values.pollBytes + eventRate * values.eventBytes),
  };
}

/** Pings per second of one of the peer's streams. It ends 2 s before the limit, and its last ping is due after that. */
function peerPings({ peerStreamSeconds, peerPingSeconds }: Values): number {
  return Math.floor((peerStreamSeconds - 2) / peerPingSeconds) / peerStreamSeconds;
}

const peersPerProcess = (values: Values, { channels, readers, eventRate }: Scenario): Capacity => {
  const pings = (readers / channels) * peerPings(values);
  return capacityOf([
    { limit: 'file descriptors', fits: (count) => 2 * count <= values.fileDescriptors },
    { limit: 'memory', fits: (count) => fitsMemory(values, count) },
    {
      limit: 'processor',
      fits: (count) => count * streamCpus(values, eventRate + pings) <= values.cpusPerProcess,
    },
  ]);
};

/** `@upstash/realtime` 1.1: each stream subscribes, reads and pings for itself, and receives all pings of its channel. */
export const peer: Way = {
  name: '@upstash/realtime 1.1',
  perProcess: peersPerProcess,
  load(values, scenario) {
    const { readers, channels, eventRate } = scenario;
    const processes = Math.ceil(readers / peersPerProcess(values, scenario).readers);
    const opens = readers / values.peerStreamSeconds;
    const pings = (readers / channels) * peerPings(values);
    const received = readers * (eventRate * values.eventBytes + pings * values.peerPingBytes);
    const bytes = received + opens * values.openBytes;
    const published = publishing(scenario);
    return {
      processes,
      openRequests: readers,
      subscriptions: readers,
      redisCommandsPerSecond:
        published * values.peerCommandsPerEvent +
        opens * values.peerCommandsPerStream +
        readers * peerPings(values) +
        readers * (eventRate + pings) * values.commandsPerAnnouncement,
      redisBytesPerSecond: received,
      invocationsPerSecond: opens + published,
      cdnRequestsPerSecond: opens + published,
      cpus: readers * streamCpus(values, eventRate + pings),
      awakeProcesses: processes,
      bytesToReadersPerSecond: bytes,
      bytesFromProcessesPerSecond: bytes,
    };
  },
};

/** All ways, in the order of the tables. */
export const ways: readonly Way[] = [streams, sharedPolls, peer, plainPolls];
