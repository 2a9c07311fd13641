import type { Values } from './constants.ts';
import { channelsFollowed, type Scenario } from './scenario.ts';
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
