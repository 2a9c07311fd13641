import { browserCases } from './browser.ts';
import type { Case } from './case.ts';
import { catchUpStormCases } from './catch-up-storm.ts';
import { coldStartCases } from './cold-start.ts';
import { deliveryCases } from './deliveries.ts';
import { growthCases } from './growth.ts';
import { latencyCases } from './latency.ts';
import { readerCases } from './readers.ts';
import { redisCostCases } from './redis-cost.ts';
import { redisIdleCases } from './redis-idle.ts';
import { redisLatencyCases } from './redis-latency.ts';
import { requestCases } from './requests.ts';
import { telemetryCases } from './telemetry.ts';

/** All cases: first on the embedded log, then on Redis; at last how the costs grow. */
export const cases: readonly Case[] = [
  ...deliveryCases,
  ...latencyCases,
  ...readerCases,
  ...requestCases,
  ...redisLatencyCases,
  ...redisCostCases,
  ...redisIdleCases,
  ...coldStartCases,
  ...browserCases,
  ...growthCases,
  ...catchUpStormCases,
  ...telemetryCases,
];

/** The cases that docs/performance.md has a table for. The last one has a command of its own, because it takes long. */
export const documentedCases: readonly string[] = [...cases.map(({ name }) => name), 'overnight'];
