/** The seq of an id `<time>-<seq>`, or of a cursor's first position; null where there is none to be read. */
export function seqOf(id: string | null): number | null {
  const match = /(?:^|@)\d+-(\d+)/.exec(id ?? '');
  return match === null ? null : Number(match[1]);
}
