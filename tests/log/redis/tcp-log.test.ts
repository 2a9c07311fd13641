import { redisHarness } from '../../support/log/redis-harness.ts';
import { useTcpStack } from '../../support/log/tcp-stack.ts';
import { describeEventLog } from '../contract.ts';

const stack = useTcpStack();

const harness = redisHarness(() => ({
  ...stack(),
  async cutFollowers() {
    await stack().redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  },
}));

describeEventLog('Redis over TCP', async () => harness);
