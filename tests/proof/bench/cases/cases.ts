import type { Case } from './case.ts';
import { deliveryCases } from './deliveries.ts';
import { latencyCases } from './latency.ts';
import { readerCases } from './readers.ts';
import { redisCostCases } from './redis-cost.ts';
import { redisIdleCases } from './redis-idle.ts';
import { redisLatencyCases } from './redis-latency.ts';
import { requestCases } from './requests.ts';

/** All cases: first on the embedded log, then on Redis. */
export const cases: readonly Case[] = [
  ...deliveryCases,
  ...latencyCases,
  ...readerCases,
  ...requestCases,
  ...redisLatencyCases,
  ...redisCostCases,
  ...redisIdleCases,
];
