import { chromium, curl, firefox, nginx, python, redisServer, type Tool } from './tool.ts';

/** What suites need ahead of their run. */
export type Needs = {
  readonly tools: readonly Tool[];
  /** Whether they run against the production build. */
  readonly build: boolean;
};

const everything: Needs = { tools: [redisServer, chromium, nginx, firefox, curl, python], build: true };
const nothing: Needs = { tools: [], build: false };

/** Suites that need less than everything. */
const suites: ReadonlyMap<string, Needs> = new Map([
  ['core', nothing],
  ['server', nothing],
  ['client', nothing],
  ['log', { tools: [redisServer], build: false }],
  ['scripts', { tools: [redisServer], build: false }],
  ['proof', { tools: [redisServer], build: false }],
]);

/** What the suites need that vitest runs with these arguments: those of `--project`, or all. */
export function readNeeds(args: readonly string[]): Needs {
  const names = readProjects(args);
  if (names.length === 0) return everything;
  const needs = names.map((name) => suites.get(name) ?? everything);
  return {
    tools: everything.tools.filter((tool) => needs.some((need) => need.tools.includes(tool))),
    build: needs.some((need) => need.build),
  };
}

function readProjects(args: readonly string[]): string[] {
  return args.flatMap((arg, index) => {
    if (arg === '--project') return [args[index + 1] ?? ''];
    return arg.startsWith('--project=') ? [arg.slice('--project='.length)] : [];
  });
}
