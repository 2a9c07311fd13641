import type { Values } from './constants.ts';
import type { Scenario } from './scenario.ts';
import { type Capacity, capacityOf, fitsMemory, publishing, streamCpus, type Way } from './way.ts';

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
