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

/** One fresh, empty store of an adapter, and the accidents that can happen to it. */
export type LogHarness = {
  /**
   * A handle on the store; called again, another handle on the same one. `retention` is 10,000 where it is not
   * given; the suite never opens one store with two retentions.
   */
  open(options?: { readonly retention?: number }): EventLog;
  /** Lets at least `ms` go by on the log's clock: by hand where it is injected, else by waiting. */
  passTime(ms: number): Promise<void>;
  /**
   * Makes the log's clock stand an hour behind the channel's last id: by setting it back, or by writing one more
   * event, which continues the seq and the epoch, with a time one hour ahead.
   */
  clockJumpsBack(channel: string): Promise<void>;
  /** All events of the channel are gone, and with them its epoch. Nothing is announced. */
  empty(channel: string): Promise<void>;
  /** The whole store is gone, idempotency records included; the handles go on working. */
  wipe(): Promise<void>;
  /** The last `count` events vanish as in a fail-over to a replica that lagged: the epoch stays. */
  loseEnd(channel: string, count: number): Promise<void>;
  /** From now on nothing can be stored in this channel, which was never used; other channels can. */
  breakChannel(channel: string): Promise<void>;
  /** Every subscription that is open now is lost; new ones work. */
  cutFollowers(): Promise<void>;
  /** Closes all handles and frees the store. */
  close(): Promise<void>;
};

/** States the port's promises and holds an adapter to them. A new adapter is done when this passes. */
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
