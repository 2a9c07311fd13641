'use server';

import { publish } from '../../lib/server/publish.ts';
import { currentUser } from '../../lib/user.ts';

/** Says that the signed-in user is here. It counts for 45 s: two heartbeats may be late, or one lost. */
export async function sayHere(): Promise<void> {
  const user = await currentUser();
  if (user === null) return;
  await publish('here', { name: user.id }, { channel: 'public:who', subject: user.id, ttlSeconds: 45 });
}
