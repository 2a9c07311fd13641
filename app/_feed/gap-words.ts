import type { Gap } from '../../lib/core/continuity.ts';
import { countText } from './figures.ts';

/**
 * Says what is missing at a gap.
 * @param retention events the log keeps per channel; null where that is not known.
 */
export function gapWords({ reason, missed, exact }: Gap, retention: number | null): string {
  if (reason === 'restarted') return 'The log was begun again here; what came before may be missing.';
  const keeps = retention === null ? '' : ` (the log keeps the last ${countText(retention)})`;
  if (missed === null) return `Some events are gone${keeps}.`;
  const upTo = exact ? '' : 'Up to ';
  return `${upTo}${countText(missed)} ${missed === 1 ? 'event is' : 'events are'} gone${keeps}.`;
}
