'use client';

import { useFeed } from '../../lib/client/use-feed.ts';
import { getFeedToken } from './actions.ts';

/** The newest 20 notifications of the signed-in user, and each new one. */
export function NotificationList({ channel }: { readonly channel: string }) {
  const { events, problem } = useFeed({
    channels: [channel],
    types: ['notification'],
    rewind: '20',
    // The client asks for a token at the start, and again before the old one ends.
    getToken: getFeedToken,
  });
  if (problem !== null) return <p role="alert">{problem.detail}</p>;
  return (
    <ul>
      {events.map((event) => (
        <li key={event.id}>{event.data.text}</li>
      ))}
    </ul>
  );
}
