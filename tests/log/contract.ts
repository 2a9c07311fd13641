import { afterEach, beforeEach, describe } from 'vitest';
import { type ChannelRules, defaultRules, type EventLog } from '../../lib/log/event-log.ts';
import { describeAppend } from './contract/append.ts';
import { describeConcurrency } from './contract/concurrency.ts';
import { describeEnd } from './contract/end.ts';
import { describeFidelity } from './contract/fidelity.ts';
import { describeFollow } from './contract/follow.ts';
import { describeKeys } from './contract/keys.ts';
import { describeLoss } from './contract/loss.ts';
import { describeRates } from './contract/rates.ts';
import { describeRead } from './contract/read.ts';
import { describeRules } from './contract/rules.ts';
import { describeState } from './contract/state.ts';
import { describeWalk } from './contract/walk.ts';

/** A new, empty store of an adapter, and the failures that can happen to it. */
export type LogHarness = {
  /**
   * Opens a log on the store; each call opens another log on the same store. The default retention is 10,000; the suite
   * never opens one store with two retentions or with different rules.
   */
  open(options?: HarnessOptions): EventLog;
  /** The log's clock, Unix time in ms. */
  now(): number;
  /** Lets at least `ms` pass on the log's clock: by hand if the clock is injected, otherwise by waiting. */
  passTime(ms: number): Promise<void>;
  /**
   * Puts the log's clock one hour behind the channel's last id: by setting it back, or by storing one more event with the
   * next seq, the same epoch, and a time one hour ahead.
   */
  clockJumpsBack(channel: string): Promise<void>;
  /** Deletes all events of the channel, and so its epoch. Announces nothing. */
  empty(channel: string): Promise<void>;
  /** Deletes the whole store, with its idempotency records; the open logs still work. */
  wipe(): Promise<void>;
  /**
   * Deletes the last `count` events, as a fail-over to a replica that lagged does: the epoch stays, and the state of the
   * channel is that of the events that are left. Only for a channel that retention has not trimmed.
   */
  loseEnd(channel: string, count: number): Promise<void>;
  /** From now on, storing in this unused channel fails; other channels work. */
  breakChannel(channel: string): Promise<void>;
  /** Breaks every open subscription; new ones work. */
  cutFollowers(): Promise<void>;
  /** Closes all logs and frees the store. */
  close(): Promise<void>;
};

export type HarnessOptions = {
  readonly retention?: number;
  /** What differs from the default rules in these channels. */
  readonly rules?: Readonly<Record<string, Partial<ChannelRules>>>;
};

/** The rules of each channel under these options. */
export function rulesOf({
  retention = 10_000,
  rules = {},
}: HarnessOptions): (channel: string) => ChannelRules {
  return (channel) => ({ ...defaultRules(retention), ...rules[channel] });
}

/** The promises of the port `EventLog`, as tests. A new adapter is done when they pass for it. */
export function describeEventLog(name: string, openHarness: () => Promise<LogHarness>): void {
  describe(`log contract, ${name}`, () => {
    let harness: LogHarness;
    const current = () => harness;

    beforeEach(async () => {
      harness = await openHarness();
    });
    afterEach(async () => {
      await harness.close();
    });

    describeAppend(current);
    describeConcurrency(current);
    describeKeys(current);
    describeRates(current);
    describeFidelity(current);
    describeRead(current);
    describeLoss(current);
    describeFollow(current);
    describeState(current);
    describeEnd(current);
    describeRules(current);
    describeWalk(current);
  });
}
