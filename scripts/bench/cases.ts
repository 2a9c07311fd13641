import type { Case } from './case.ts';
import { deliveryCases } from './cases/deliveries.ts';
import { latencyCases } from './cases/latency.ts';
import { readerCases } from './cases/readers.ts';
import { requestCases } from './cases/requests.ts';

/** Everything that is measured, on the embedded log. */
export const cases: readonly Case[] = [...deliveryCases, ...latencyCases, ...readerCases, ...requestCases];
