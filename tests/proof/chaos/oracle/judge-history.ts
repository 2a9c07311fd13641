import type { Gap } from '../../../../lib/core/continuity.ts';
import type { History, Violation } from './history.ts';
import { type Fact, isOf, type Life, type Lives, seqOf, trimmedUpTo } from './history.ts';

/** The position of a reader in one channel: its last event. Seq 0 is the position before the first event of any life. */
type ReaderPosition = { readonly id: string; readonly seq: number };

const beginning: ReaderPosition = { id: '', seq: 0 };
/** The position of a reader that started now and has received no event. */
const anywhere: ReaderPosition = { id: '', seq: 0 };

/**
 * Compares what a reader received with what the log stored. It must have each event once and each channel in order, a gap
 * for each missing event, no gap without a loss, and the last event.
 */
export function judgeHistory(lives: Lives, history: History): Violation[] {
  return history.channels.flatMap((channel) => judgeChannel(lives.get(channel) ?? [], channel, history));
}

function judgeChannel(lives: readonly Life[], channel: string, history: History): Violation[] {
  const { reader, types, begin } = history;
  const violations: Violation[] = [];
  const isAsked = (fact: Fact) => types === null || types.has(fact.type);
  const received = new Set<string>();
  const first = begin.get(channel);
  let position = positionOf(first);
  let hasBegun = first !== undefined;
  let gaps: Gap[] = [];
  let receivedAt = Infinity;
  const blame = (kind: Violation['kind'], what: string, lost = 0) =>
    violations.push({ kind, who: reader, what: `${channel}: ${what}`, lost });

  for (const entry of history.entries) {
    if (entry.kind === 'gap') {
      if (entry.gap.channel !== channel) continue;
      gaps.push(entry.gap);
      receivedAt = entry.at;
      continue;
    }
    const { fact } = entry;
    if (fact.channel !== channel) continue;
    if (received.has(fact.id)) {
      blame('received twice', `${fact.id} arrived again after ${position.id}`);
      continue;
    }
    received.add(fact.id);
    if (!lives.some((life) => isOf(life, fact) && life.events[fact.seq - 1]?.text === fact.text)) {
      blame('unknown event', `${fact.id} ${fact.text}`);
      continue;
    }
    const wrong =
      position === anywhere
        ? null
        : judgeStep(lives, position, fact, { gaps, receivedAt }, isAsked, !hasBegun);
    if (wrong !== null) blame(wrong.kind, wrong.what, wrong.lost);
    if (wrong?.kind === 'out of order') continue;
    position = fact;
    hasBegun = true;
    gaps = [];
    receivedAt = Infinity;
  }
  const lost = missingAtEnd(lives, position, isAsked);
  if (lost > 0)
    blame('end not reached', `after ${position.id || 'nothing'}, ${lost} events before the end`, lost);
  return violations;
}

function positionOf(begin: string | undefined): ReaderPosition {
  if (begin === undefined || begin === '0-0') return beginning;
  return begin === 'now' ? anywhere : { id: begin, seq: seqOf(begin) };
}

type Wrong = Pick<Violation, 'kind' | 'what' | 'lost'>;

/** What is wrong if `fact` follows `position` with these gaps between; null if nothing is. */
function judgeStep(
  lives: readonly Life[],
  position: ReaderPosition,
  fact: Fact,
  { gaps, receivedAt }: { readonly gaps: readonly Gap[]; readonly receivedAt: number },
  isAsked: (fact: Fact) => boolean,
  isFirst: boolean,
): Wrong | null {
  const step = `${fact.id} after ${position.id || 'nothing'}`;
  const isRestart = gaps.some(({ reason }) => reason === 'restarted');
  // Lives share the events that a loss left, so an event can belong to several. One life that allows the step is enough.
  const readings = lives
    .filter((life) => isOf(life, fact))
    .map((life): Wrong | null => {
      const trimmed = trimmedUpTo(life, receivedAt);
      const isHere = position.seq === 0 || isOf(life, position);
      if (isRestart) {
        if (isHere && position.seq > 0 && !hasPassedMore(lives, life, position, isAsked))
          return { kind: 'false gap', what: `${step}: restarted, but nothing was lost`, lost: 0 };
        return lossOf(
          life,
          trimmed,
          commonSeq(lives, life, position),
          fact,
          isAsked,
          `${step}, after a restart`,
        );
      }
      if (!isHere) {
        // If the log also deleted the events that took the place of the lost ones, it shows no trace of the loss. A gap
        // with a number is then the best possible report.
        if (gaps.length > 0 && trimmed >= position.seq)
          return (
            lossOf(life, trimmed, position.seq, fact, isAsked, step) ??
            countOf(gaps, position, fact, step, isFirst, isAsked)
          );
        return {
          kind: 'loss without a gap',
          what: `${step}: the log lost data between them, and no gap says so`,
          lost: 0,
        };
      }
      if (fact.seq <= position.seq) return { kind: 'out of order', what: step, lost: 0 };
      if (gaps.length === 0 && !isFirst && missed(life, position.seq, fact.seq, isAsked).length > 0) {
        const lost = missed(life, position.seq, fact.seq, isAsked).length;
        return { kind: 'loss without a gap', what: `${step}: ${lost} are missing`, lost };
      }
      return (
        lossOf(life, trimmed, position.seq, fact, isAsked, step) ??
        countOf(gaps, position, fact, step, isFirst, isAsked)
      );
    });
  return readings.includes(null) ? null : (readings[0] ?? null);
}

/** Events between the two that the log still had and the reader did not get. */
function lossOf(
  life: Life,
  trimmed: number,
  after: number,
  fact: Fact,
  isAsked: (fact: Fact) => boolean,
  step: string,
): Wrong | null {
  const kept = missed(life, after, fact.seq, isAsked).filter(({ seq }) => seq > trimmed);
  if (kept.length === 0) return null;
  return {
    kind: 'loss without a gap',
    what: `${step}: ${kept.length} that the log still had are missing`,
    lost: kept.length,
  };
}

/** Whether the gaps have the right number. With a type filter the number is an upper bound. */
function countOf(
  gaps: readonly Gap[],
  position: ReaderPosition,
  fact: Fact,
  step: string,
  isFirst: boolean,
  isAsked: (fact: Fact) => boolean,
): Wrong | null {
  if (gaps.length === 0) return null;
  const said = gaps.reduce((sum, gap) => sum + (gap.missed ?? 0), 0);
  const between = fact.seq - position.seq - 1;
  if (said === 0) return { kind: 'false gap', what: `${step}: a gap of 0 events`, lost: 0 };
  const isExact = gaps.every(({ exact }) => exact);
  const isTrue = isFirst || (isExact ? said === between : said <= between);
  // With a filter, `exact` must be false; without one it must be true.
  const isFiltered = !isAsked({ ...fact, type: '\u0000' });
  if (isTrue && isExact !== isFiltered) return null;
  return { kind: 'wrong number', what: `${step}: the gap says ${said} missed; ${between} are`, lost: 0 };
}

function missed(life: Life, after: number, before: number, isAsked: (fact: Fact) => boolean): Fact[] {
  return life.events.slice(after, before - 1).filter((fact) => fact !== undefined && isAsked(fact)) as Fact[];
}

/** Up to which seq a later life has the same events as the life of `position`. */
function commonSeq(lives: readonly Life[], later: Life, position: ReaderPosition): number {
  let common = 0;
  for (const life of lives) {
    if (!isOf(life, position)) continue;
    let seq = Math.min(position.seq, later.events.length);
    while (seq > 0 && life.events[seq - 1]?.id !== later.events[seq - 1]?.id) seq -= 1;
    common = Math.max(common, seq);
  }
  return common;
}

/** Whether a reader at `position` may have passed events that its filter hides and that a later life does not have. */
function hasPassedMore(
  lives: readonly Life[],
  later: Life,
  position: ReaderPosition,
  isAsked: (fact: Fact) => boolean,
): boolean {
  return lives.some((life) => {
    let passed = isOf(life, position) ? life.events[position.seq] : undefined;
    while (passed !== undefined && !isAsked(passed)) {
      if (!isOf(later, passed)) return true;
      passed = life.events[passed.seq];
    }
    return false;
  });
}

/** How many events of the last life a reader at `position` did not get. */
function missingAtEnd(
  lives: readonly Life[],
  position: ReaderPosition,
  isAsked: (fact: Fact) => boolean,
): number {
  const last = lives.at(-1);
  if (last === undefined) return 0;
  const after = position.seq === 0 || isOf(last, position) ? position.seq : 0;
  return missed(last, after, last.events.length + 1, isAsked).length;
}
