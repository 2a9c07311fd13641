import { useState } from 'react';

/** `list`, but the same object for as long as it holds the same. */
export function useSameList<T>(list: readonly T[]): readonly T[] {
  const [kept, setKept] = useState(list);
  if (kept === list) return kept;
  const isSame = kept.length === list.length && kept.every((item, index) => item === list[index]);
  if (isSame) return kept;
  setKept(list);
  return list;
}
