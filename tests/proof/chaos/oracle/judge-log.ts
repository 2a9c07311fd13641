import type { Violation } from './history.ts';
import { type Fact, isOf, type Life, type Lives } from './history.ts';

/** The data of each event of a run; it identifies the event. */
export type Mark = {
  /** The publisher, its request, the event's index in that request, and how many the request has in this channel. */
  readonly publisher: string;
  readonly request: number;
  readonly index: number;
  readonly of: number;
  /** When it was sent first, by `performance.now()`, in ms. */
  readonly at: number;
};

/**
 * Compares the log with the acknowledged events. Each of them must be stored under its id, each request once and as a
 * whole, and the seqs of each life must be dense.
 */
export function judgeLog(lives: Lives, acknowledged: readonly Fact[]): Violation[] {
  const violations: Violation[] = [];
  const blame = (what: string, lost = 0) => violations.push({ kind: 'log', who: 'log', what, lost });
  for (const fact of acknowledged) {
    const own = lives.get(fact.channel) ?? [];
    const isStored = own.some((life) => isOf(life, fact) && life.events[fact.seq - 1]?.text === fact.text);
    if (!isStored) blame(`${fact.channel}: ${fact.id} was acknowledged but never stored`, 1);
  }
  const blameTwice = (what: string) => violations.push({ kind: 'stored twice', who: 'log', what, lost: 0 });
  for (const [channel, own] of lives) for (const life of own) judgeLife(life, channel, blame, blameTwice);
  return violations;
}

function judgeLife(
  life: Life,
  channel: string,
  blame: (what: string) => void,
  blameTwice: (what: string) => void,
): void {
  const seen = new Set<string>();
  let time = 0;
  let before: Mark | null = null;
  for (let at = 0; at < life.events.length; at += 1) {
    const fact = life.events[at];
    if (fact === undefined) {
      blame(`${channel}: seq ${at + 1} was skipped`);
      continue;
    }
    const mark = JSON.parse(fact.text) as Mark;
    const name = `${mark.publisher} ${mark.request} ${mark.index}`;
    if (seen.has(name)) blameTwice(`${channel}: ${fact.id} stores ${name} a second time`);
    seen.add(name);
    if (timeOf(fact.id) < time) blame(`${channel}: the time of ${fact.id} goes back`);
    time = timeOf(fact.id);
    const follows =
      before?.publisher === mark.publisher &&
      before.request === mark.request &&
      before.index === mark.index - 1;
    if (mark.index > 0 && !follows)
      blame(`${channel}: ${fact.id} does not follow the previous event of its request`);
    if (before !== null && before.index < before.of - 1 && !follows)
      blame(`${channel}: the request before ${fact.id} was stored in part`);
    before = mark;
  }
}

function timeOf(id: string): number {
  return Number(id.slice(0, id.indexOf('-')));
}
