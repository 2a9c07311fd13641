import { useEffect, useRef, useState } from 'react';
import { type LifeMoment, type LifeStep, lifeAfter } from './feed-life.ts';

/** Writes down what happens to a connection while the page is open, newest first. */
export function useFeedLife(moment: LifeMoment): readonly LifeStep[] {
  const [life, setLife] = useState<readonly LifeStep[]>([]);
  const before = useRef(moment);
  useEffect(() => {
    const past = before.current;
    before.current = moment;
    setLife((known) => lifeAfter(known, past, moment, Date.now()));
  }, [moment]);
  return life;
}
