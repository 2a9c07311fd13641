'use client';

import { useEffect } from 'react';
import { useLatest } from '../../lib/client/latest/use-latest.ts';
import { sayHere } from './actions.ts';

/** Who is here: each user whose page was visible in the last 45 s. */
export function WhoIsHere({ initial }: { readonly initial: string }) {
  const { latest } = useLatest({ channel: 'public:who', types: ['here'], initial });
  useHeartbeat();
  const names = [...latest.values()].map((event) => event.data.name).sort();
  return (
    <ul aria-label="Who is here">
      {names.map((name) => (
        <li key={name}>{name}</li>
      ))}
    </ul>
  );
}

/** Says each 20 s that this user is here, and not while the page is hidden. */
function useHeartbeat(): void {
  useEffect(() => {
    const beat = () => {
      // A beat that is lost does no harm: the next one is in time.
      if (document.visibilityState === 'visible') sayHere().catch(() => undefined);
    };
    beat();
    const timer = setInterval(beat, 20_000);
    document.addEventListener('visibilitychange', beat);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', beat);
    };
  }, []);
}
