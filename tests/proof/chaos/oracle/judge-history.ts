import type { Gap } from '../../../../lib/core/continuity.ts';
import type { History, Violation } from './history.ts';
import { type Fact, isOf, type Life, type Lives, seqOf, trimmedUpTo } from './history.ts';

/** Where a reader is in one channel: the last event it was told. Seq 0 is ahead of the first, in whatever life. */
type Place = { readonly id: string; readonly seq: number };

const beginning: Place = { id: '', seq: 0 };
/** A reader that began now, and was told an event ahead of where it is. */
const anywhere: Place = { id: '', seq: 0 };

/**
 * Holds what a reader was told against what the log truly stored: no event twice, each channel in order, nothing left
 * out but what a gap tells, no gap without a reason, and the end reached.
 */
export function judgeHistory(lives: Lives, history: History): Violation[] {
  return history.channels.flatMap((channel) => judgeChannel(lives.get(channel) ?? [], channel, history));
}

function judgeChannel(lives: readonly Life[], channel: string, history: History): Violation[] {
  const { reader, types, begin } = history;
  const violations: Violation[] = [];
  const isAsked = (fact: Fact) => types === null || types.has(fact.type);
  const told = new Set<string>();
  const first = begin.get(channel);
  let place = placeOf(first);
  let hasBegun = first !== undefined;
  let gaps: Gap[] = [];
  let toldAt = Infinity;
  const blame = (kind: Violation['kind'], what: string, lost = 0) =>
    violations.push({ kind, who: reader, what: `${channel}: ${what}`, lost });

  for (const entry of history.entries) {
    if (entry.kind === 'gap') {
      if (entry.gap.channel !== channel) continue;
      gaps.push(entry.gap);
      toldAt = entry.at;
      continue;
    }
    const { fact } = entry;
    if (fact.channel !== channel) continue;
    if (told.has(fact.id)) {
      blame('doubled', `${fact.id} came again after ${place.id}`);
      continue;
    }
    told.add(fact.id);
    if (!lives.some((life) => isOf(life, fact) && life.events[fact.seq - 1]?.text === fact.text)) {
      blame('unknown event', `${fact.id} ${fact.text}`);
      continue;
    }
    const wrong =
      place === anywhere ? null : judgeStep(lives, place, fact, { gaps, toldAt }, isAsked, !hasBegun);
    if (wrong !== null) blame(wrong.kind, wrong.what, wrong.lost);
    if (wrong?.kind === 'out of order') continue;
    place = fact;
    hasBegun = true;
    gaps = [];
    toldAt = Infinity;
  }
  const lost = missingAtEnd(lives, place, isAsked);
  if (lost > 0) blame('stopped', `after ${place.id || 'nothing'}, ${lost} events ahead of the end`, lost);
  return violations;
}

function placeOf(begin: string | undefined): Place {
  if (begin === undefined || begin === '0-0') return beginning;
  return begin === 'now' ? anywhere : { id: begin, seq: seqOf(begin) };
}

type Wrong = Pick<Violation, 'kind' | 'what' | 'lost'>;

/** Whether `fact` may be told after `place` with these gaps between; null when it may. */
function judgeStep(
  lives: readonly Life[],
  place: Place,
  fact: Fact,
  { gaps, toldAt }: { readonly gaps: readonly Gap[]; readonly toldAt: number },
  isAsked: (fact: Fact) => boolean,
  isFirst: boolean,
): Wrong | null {
  const step = `${fact.id} after ${place.id || 'nothing'}`;
  const isRestart = gaps.some(({ reason }) => reason === 'restarted');
  // Of several readings the kindest is right: lives share what a loss has left.
  const readings = lives
    .filter((life) => isOf(life, fact))
    .map((life): Wrong | null => {
      const trimmed = trimmedUpTo(life, toldAt);
      const isHere = place.seq === 0 || isOf(life, place);
      if (isRestart) {
        if (isHere && place.seq > 0 && !hasPassedMore(lives, life, place, isAsked))
          return { kind: 'unfounded gap', what: `${step}: restarted, but nothing was lost`, lost: 0 };
        return lossOf(
          life,
          trimmed,
          commonSeq(lives, life, place),
          fact,
          isAsked,
          `${step}, after a restart`,
        );
      }
      if (!isHere) {
        // Where all that was stored since the loss was trimmed too, a log of the same epoch shows no trace of the loss:
        // a counted gap is all that can be told then.
        const isTraceless = gaps.length > 0 && trimmed >= fact.seq - 1;
        if (isTraceless) return countOf(gaps, place, fact, step, isFirst, isAsked);
        return { kind: 'unsaid gap', what: `${step}: the log was lost between, unsaid`, lost: 0 };
      }
      if (fact.seq <= place.seq) return { kind: 'out of order', what: step, lost: 0 };
      if (gaps.length === 0 && !isFirst && missed(life, place.seq, fact.seq, isAsked).length > 0) {
        const lost = missed(life, place.seq, fact.seq, isAsked).length;
        return { kind: 'unsaid gap', what: `${step}: ${lost} not told`, lost };
      }
      return (
        lossOf(life, trimmed, place.seq, fact, isAsked, step) ??
        countOf(gaps, place, fact, step, isFirst, isAsked)
      );
    });
  return readings.includes(null) ? null : (readings[0] ?? null);
}

/** Events between that were not trimmed, and yet not told. */
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
  return { kind: 'unsaid gap', what: `${step}: ${kept.length} that were kept`, lost: kept.length };
}

/** Whether the gaps give the true number. Behind a filter it is an upper bound. */
function countOf(
  gaps: readonly Gap[],
  place: Place,
  fact: Fact,
  step: string,
  isFirst: boolean,
  isAsked: (fact: Fact) => boolean,
): Wrong | null {
  if (gaps.length === 0) return null;
  const said = gaps.reduce((sum, gap) => sum + (gap.missed ?? 0), 0);
  const between = fact.seq - place.seq - 1;
  if (said === 0) return { kind: 'unfounded gap', what: `${step}: a gap of nothing`, lost: 0 };
  const isExact = gaps.every(({ exact }) => exact);
  const isTrue = isFirst || (isExact ? said === between : said <= between);
  // With a filter, `exact` must be false; without one it must be true.
  const isFiltered = !isAsked({ ...fact, type: '\u0000' });
  if (isTrue && isExact !== isFiltered) return null;
  return { kind: 'wrong count', what: `${step}: told ${said} missed where ${between} are`, lost: 0 };
}

function missed(life: Life, after: number, before: number, isAsked: (fact: Fact) => boolean): Fact[] {
  return life.events.slice(after, before - 1).filter((fact) => fact !== undefined && isAsked(fact)) as Fact[];
}

/** Up to which seq a later life has what led to `place`. */
function commonSeq(lives: readonly Life[], later: Life, place: Place): number {
  let common = 0;
  for (const life of lives) {
    if (!isOf(life, place)) continue;
    let seq = Math.min(place.seq, later.events.length);
    while (seq > 0 && life.events[seq - 1]?.id !== later.events[seq - 1]?.id) seq -= 1;
    common = Math.max(common, seq);
  }
  return common;
}

/** Whether a reader at `place` may have passed events it did not ask for, and that a later life has not. */
function hasPassedMore(
  lives: readonly Life[],
  later: Life,
  place: Place,
  isAsked: (fact: Fact) => boolean,
): boolean {
  return lives.some((life) => {
    let passed = isOf(life, place) ? life.events[place.seq] : undefined;
    while (passed !== undefined && !isAsked(passed)) {
      if (!isOf(later, passed)) return true;
      passed = life.events[passed.seq];
    }
    return false;
  });
}

/** Events of the last life that a reader at `place` was not told. */
function missingAtEnd(lives: readonly Life[], place: Place, isAsked: (fact: Fact) => boolean): number {
  const last = lives.at(-1);
  if (last === undefined) return 0;
  const after = place.seq === 0 || isOf(last, place) ? place.seq : 0;
  return missed(last, after, last.events.length + 1, isAsked).length;
}
