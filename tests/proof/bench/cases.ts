import type { Case } from './case.ts';
import { deliveryCases } from './cases/deliveries.ts';
import { latencyCases } from './cases/latency.ts';
import { readerCases } from './cases/readers.ts';
import { redisCostCases } from './cases/redis-cost.ts';
import { redisIdleCases } from './cases/redis-idle.ts';
import { redisLatencyCases } from './cases/redis-latency.ts';
import { requestCases } from './cases/requests.ts';

/** Everything that is measured: first on the embedded log, then on Redis. */
export const cases: readonly Case[] = [
  ...deliveryCases,
  ...latencyCases,
  ...readerCases,
  ...requestCases,
  ...redisLatencyCases,
  ...redisCostCases,
  ...redisIdleCases,
];
