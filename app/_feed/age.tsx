import { useContext } from 'react';
import { ageText } from './age-text.ts';
import { TimeSenseContext } from './time-sense.ts';
import { useSecond } from './use-second.ts';

export type AgeProps = {
  /** Unix time in ms. */
  readonly time: number;
  /** Whether it was told by the reader's own clock. Default: by the server's. */
  readonly isLocal?: boolean;
};

/** How long ago `time` was, by the clock that told it. */
export function Age({ time, isLocal = false }: AgeProps) {
  const { skewMs } = useContext(TimeSenseContext);
  const look = () => ageText(Date.now() - (isLocal ? 0 : skewMs) - time);
  return useSecond(look, () => '');
}
