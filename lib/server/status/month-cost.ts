import { costOf, hoursPerMonth, prices, type Usage } from '../../config/prices.ts';
import type { MonthCost } from '../../core/process-status.ts';

/** What a process uses now. */
export type CurrentUse = {
  /** Memory that the platform bills for the process while one of its requests is open, in GB; null: it bills none. */
  readonly billedGB: number | null;
  /** Whether requests are open. */
  readonly isAwake: boolean;
  /** Share of one processor. */
  readonly cpuShare: number;
  /** Commands that are billed; null: none is. */
  readonly commandsPerHour: number | null;
};

/** What a month of such an hour costs, by the published prices. Free allowances of a plan are not subtracted. */
export function monthCostOf({ billedGB, isAwake, cpuShare, commandsPerHour }: CurrentUse): MonthCost {
  const lines: { what: string; amount: string; dollars: number; source: string }[] = [];
  const add = (what: string, value: number, unit: string, use: Partial<Usage>, source: string) =>
    lines.push({
      what,
      amount: `${format(value)} ${unit}`,
      dollars: costOf({ ...nothing, ...use }).total,
      source,
    });
  if (billedGB !== null) {
    const gbHours = isAwake ? billedGB * hoursPerMonth : 0;
    add(
      'Memory, while a request is open',
      gbHours,
      'GB-hours',
      { gbHours },
      prices.memoryDollarsPerHour.source,
    );
    const cpuHours = cpuShare * hoursPerMonth;
    add('Processor', cpuHours, 'hours', { cpuHours }, prices.cpuDollarsPerHour.source);
  }
  if (commandsPerHour !== null) {
    const redisCommands = commandsPerHour * hoursPerMonth;
    const { source } = prices.redisDollarsPer100kCommands;
    add('Commands to Redis', redisCommands, 'commands', { redisCommands }, source);
  }
  return {
    lines: lines.map(({ what, amount, dollars }) => ({ what, amount, dollars })),
    dollars: lines.reduce((sum, { dollars }) => sum + dollars, 0),
    prices: [...new Set(lines.map(({ source }) => source))].join('; '),
  };
}

const nothing: Usage = {
  gbHours: 0,
  cpuHours: 0,
  invocations: 0,
  edgeRequests: 0,
  gbToReaders: 0,
  gbFromProcesses: 0,
  redisCommands: 0,
  redisGB: 0,
};

function format(value: number): string {
  return (value < 10 ? Math.round(value * 10) / 10 : Math.round(value)).toLocaleString('en-US');
}
