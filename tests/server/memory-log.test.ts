import type { EventLog } from '../../lib/log/event-log.ts';
import { describeEventLog, type LogHarness, rulesOf } from '../log/contract.ts';
import { createMemoryLog, type MemoryLog } from '../support/server/memory-log.ts';

// The log that other tests take for the truth keeps the promises of one.
describeEventLog('model in memory', async (): Promise<LogHarness> => {
  let nowMs = Date.now();
  let log: MemoryLog | null = null;
  const opened = () => {
    if (log === null) throw new Error('the log was not opened');
    return log;
  };
  return {
    open(options = {}): EventLog {
      log ??= createMemoryLog({ rules: rulesOf(options), now: () => nowMs });
      return log;
    },
    now: () => nowMs,
    async passTime(ms) {
      nowMs += ms;
    },
    async clockJumpsBack() {
      nowMs -= 3_600_000;
    },
    empty: async (channel) => opened().empty(channel),
    wipe: async () => opened().wipe(),
    loseEnd: async (channel, count) => opened().loseEnd(channel, count),
    async breakChannel(channel) {
      log ??= createMemoryLog({ now: () => nowMs });
      log.breakChannel(channel);
    },
    cutFollowers: async () => opened().cut(),
    close: async () => log?.close(),
  };
});
