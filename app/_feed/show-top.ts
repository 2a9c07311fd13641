/** Lets go of what is being read, and shows the newest. */
export function showTop(list: HTMLElement | null): void {
  document.getSelection()?.removeAllRanges();
  list?.focus({ preventScroll: true });
  window.scrollTo({ top: 0, behavior: 'instant' });
}
