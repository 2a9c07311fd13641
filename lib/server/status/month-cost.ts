import { costOf, hoursPerMonth, noUsage, prices, type Usage } from '../../config/prices.ts';
import type { MonthCost } from '../../core/process-status.ts';

/** What a process uses now, of what is billed by use. */
export type CurrentUse = {
  /** Null: the process runs on a machine of its owner. */
  readonly platform: {
    /** Memory that is billed while one of the process's requests is open, in GB; 0: none is open. */
    readonly memoryGB: number;
    /** Share of one processor. */
    readonly cpuShare: number;
    readonly requestsPerHour: number;
    /** Sent to readers. */
    readonly bytesPerHour: number;
  } | null;
  /** Null: no command is billed. */
  readonly commandsPerHour: number | null;
};

/** What a month of such hours costs, by the published prices. Free allowances of a plan are not subtracted. */
export function monthCostOf({ platform, commandsPerHour }: CurrentUse): MonthCost {
  const lines = [...platformLines(platform), ...redisLines(commandsPerHour)];
  return {
    lines: lines.map(({ what, value, unit, use }) => ({
      what,
      amount: `${format(value)} ${unit}`,
      dollars: dollarsOf(use),
    })),
    dollars: lines.reduce((sum, { use }) => sum + dollarsOf(use), 0),
    prices: [...new Set(lines.map(({ source }) => source))].join('; '),
  };
}

type Line = {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly use: Partial<Usage>;
  /** Of the price. */
  readonly source: string;
};

function platformLines(platform: CurrentUse['platform']): readonly Line[] {
  if (platform === null) return [];
  const gbHours = platform.memoryGB * hoursPerMonth;
  const cpuHours = platform.cpuShare * hoursPerMonth;
  const requests = platform.requestsPerHour * hoursPerMonth;
  const gb = (platform.bytesPerHour * hoursPerMonth) / 1e9;
  return [
    {
      what: 'Memory, while a request is open',
      value: gbHours,
      unit: 'GB-hours',
      use: { gbHours },
      source: prices.memoryDollarsPerHour.source,
    },
    {
      what: 'Processor',
      value: cpuHours,
      unit: 'hours',
      use: { cpuHours },
      source: prices.cpuDollarsPerHour.source,
    },
    {
      what: 'Requests that this process answers',
      value: requests,
      unit: 'requests',
      use: { invocations: requests, edgeRequests: requests },
      source: prices.dollarsPerMillionInvocations.source,
    },
    {
      what: 'Bytes to readers',
      value: gb,
      unit: 'GB',
      use: { gbToReaders: gb, gbFromProcesses: gb },
      source: prices.toReadersDollarsPerGB.source,
    },
  ];
}

function redisLines(commandsPerHour: number | null): readonly Line[] {
  if (commandsPerHour === null) return [];
  const redisCommands = commandsPerHour * hoursPerMonth;
  const { source } = prices.redisDollarsPer100kCommands;
  return [
    { what: 'Commands to Redis', value: redisCommands, unit: 'commands', use: { redisCommands }, source },
  ];
}

function dollarsOf(use: Partial<Usage>): number {
  return costOf({ ...noUsage, ...use }).total;
}

function format(value: number): string {
  return (value < 10 ? Math.round(value * 10) / 10 : Math.round(value)).toLocaleString('en-US');
}
