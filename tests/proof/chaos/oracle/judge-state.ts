import { isOf, type Life, type Lives, type Snapshot, seqOf, type Violation } from './history.ts';

/** The state that the first `count` events of a life make: subject → id of its latest event. */
export function foldOf(life: Life, count: number): ReadonlyMap<string, string> {
  const subjects = new Map<string, string>();
  for (const event of life.events.slice(0, count)) {
    if (event?.subject === undefined) continue;
    if (event.remove) subjects.delete(event.subject);
    else subjects.set(event.subject, event.id);
  }
  return subjects;
}

/** Compares each state that readers had with the fold of the log at its cursor. */
export function judgeStates(lives: Lives, snapshots: readonly Snapshot[]): Violation[] {
  return snapshots.flatMap((snapshot): Violation[] => {
    const what = faultOf(lives.get(snapshot.channel) ?? [], snapshot);
    return what === null ? [] : [{ kind: 'wrong state', who: snapshot.reader, what, lost: 0 }];
  });
}

function faultOf(lives: readonly Life[], { channel, epoch, id, subjects }: Snapshot): string | null {
  const seq = seqOf(id);
  if (seq === 0 && subjects.size === 0) return null;
  const ofEpoch = lives.filter((life) => life.epoch === epoch && life.events.length >= seq);
  // The position before a trimmed event has the time of that event, so that no life has its id.
  const exact = ofEpoch.filter((life) => isOf(life, { id, seq }));
  const folds = (exact.length > 0 ? exact : ofEpoch).map((life) => foldOf(life, seq));
  if (folds.some((fold) => isSame(fold, subjects))) return null;
  const [expected] = folds;
  if (expected === undefined)
    return `${channel}: a state at ${id} of epoch ${epoch}, which the log never had`;
  return `${channel}: the state at ${id} is ${written(subjects)}, but the events make ${written(expected)}`;
}

function isSame(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): boolean {
  return one.size === other.size && [...one].every(([subject, id]) => other.get(subject) === id);
}

function written(subjects: ReadonlyMap<string, string>): string {
  return `{${[...subjects]
    .sort()
    .map((pair) => pair.join(' '))
    .join(', ')}}`;
}
