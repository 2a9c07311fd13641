/** How long ago something was: `now`, `5 s ago`, `3 min ago`, `2 h ago`, `4 d ago`. What is to come is `now`. */
export function ageText(ageMs: number): string {
  const seconds = Math.floor(ageMs / 1_000);
  if (!(seconds >= 1)) return 'now';
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}
