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

/** This repository's streams: one subscription a channel and process, whatever readers it has there. */
export const streams: Way = {
  name: 'Steadfeed, streams',
  perProcess: streamsPerProcess,
  load(values, scenario) {
    const { readers, channels, eventRate } = scenario;
    const processes = Math.ceil(readers / streamsPerProcess(values, scenario).readers);
    const tails = channelsFollowed(channels, readers / processes);
    const subscriptions = processes * tails;
    const opens = readers / values.streamSeconds;
    // A stream that ends is opened again on a process by chance; where its channel has no tail there, one begins.
    const tailsBegun = opens * (1 - 1 / processes) * (1 - tails / channels);
    // A subscription that the service ends is renewed, by one command, where its tail lives for as long.
    const renewals = Math.max(0, subscriptions / (values.subscriptionHours * 3_600) - tailsBegun);
    const heard = subscriptions * eventRate;
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
        heard * values.commandsPerAnnouncement,
      redisBytesPerSecond: heard * values.eventBytes,
      invocationsPerSecond: opens + published,
      cdnRequestsPerSecond: opens + published,
      cpus: readers * streamCpus(values, frameRate(values, eventRate)),
      awakeProcesses: processes,
      bytesToReadersPerSecond: bytes,
      bytesFromProcessesPerSecond: bytes,
    };
  },
};

/** Frames a second of a stream: a heartbeat goes out where nothing else did. */
function frameRate(values: Values, eventRate: number): number {
  return Math.max(eventRate, 1 / values.heartbeatSeconds);
}

/** Bytes a second that one stream carries when nothing but its own channel's events and heartbeats go over it. */
function streamBytes(values: Values, eventRate: number): number {
  const silence = Math.max(0, 1 / values.heartbeatSeconds - eventRate);
  return (
    eventRate * values.eventBytes + silence * values.heartbeatBytes + values.openBytes / values.streamSeconds
  );
}

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

const peersPerProcess = (values: Values, { channels, readers, eventRate }: Scenario): Capacity => {
  const pings = readers / channels / values.peerPingSeconds;
  return capacityOf([
    { limit: 'file descriptors', fits: (count) => 2 * count <= values.fileDescriptors },
    { limit: 'memory', fits: (count) => fitsMemory(values, count) },
    {
      limit: 'processor',
      fits: (count) => count * streamCpus(values, eventRate + pings) <= values.cpusPerProcess,
    },
  ]);
};

/** `@upstash/realtime` 1.1: each stream subscribes, reads and pings for itself, and hears all pings of its channel. */
export const peer: Way = {
  name: '@upstash/realtime 1.1',
  perProcess: peersPerProcess,
  load(values, scenario) {
    const { readers, channels, eventRate } = scenario;
    const processes = Math.ceil(readers / peersPerProcess(values, scenario).readers);
    const opens = readers / values.peerStreamSeconds;
    const pings = readers / channels / values.peerPingSeconds;
    const heard = readers * (eventRate * values.eventBytes + pings * values.peerPingBytes);
    const bytes = heard + opens * values.openBytes;
    const published = publishing(scenario);
    return {
      processes,
      openRequests: readers,
      subscriptions: readers,
      redisCommandsPerSecond:
        published * values.peerCommandsPerEvent +
        opens * values.peerCommandsPerStream +
        readers / values.peerPingSeconds +
        readers * (eventRate + pings) * values.commandsPerAnnouncement,
      redisBytesPerSecond: heard,
      invocationsPerSecond: opens + published,
      cdnRequestsPerSecond: opens + published,
      cpus: readers * streamCpus(values, eventRate + pings),
      awakeProcesses: processes,
      bytesToReadersPerSecond: bytes,
      bytesFromProcessesPerSecond: bytes,
    };
  },
};

/** All ways, as they stand in tables. */
export const ways: readonly Way[] = [streams, sharedPolls, peer, plainPolls];
