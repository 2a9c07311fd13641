import { afterEach, beforeEach, describe } from 'vitest';
import type { EventLog } from '../../lib/log/event-log.ts';
import { describeAppend } from './contract/append.ts';
import { describeConcurrency } from './contract/concurrency.ts';
import { describeFidelity } from './contract/fidelity.ts';
import { describeFollow } from './contract/follow.ts';
import { describeKeys } from './contract/keys.ts';
import { describeLoss } from './contract/loss.ts';
import { describeRates } from './contract/rates.ts';
import { describeRead } from './contract/read.ts';

/** A new, empty store of an adapter, and the failures that can happen to it. */
export type LogHarness = {
  /**
   * Opens a log on the store; each call opens another log on the same store. The default retention is 10,000; the suite
   * never opens one store with two retentions.
   */
  open(options?: { readonly retention?: number }): EventLog;
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
  /** Deletes the last `count` events, as a fail-over to a replica that lagged does: the epoch stays. */
  loseEnd(channel: string, count: number): Promise<void>;
  /** From now on, storing in this unused channel fails; other channels work. */
  breakChannel(channel: string): Promise<void>;
  /** Breaks every open subscription; new ones work. */
  cutFollowers(): Promise<void>;
  /** Closes all logs and frees the store. */
  close(): Promise<void>;
};

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
  });
}
