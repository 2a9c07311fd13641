import { redisHarness } from '../../support/log/redis-harness.ts';
import { useRedisStack } from '../../support/log/redis-stack.ts';
import { describeEventLog } from '../contract.ts';

const stack = useRedisStack();

const harness = redisHarness(() => ({
  ...stack(),
  cutFollowers: async () => stack().upstash.cutSubscriptions(),
}));

describeEventLog('Redis', async () => harness);
