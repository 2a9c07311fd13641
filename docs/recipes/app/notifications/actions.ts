'use server';

import { notify } from '../../lib/notify.ts';
import { createFeedToken } from '../../lib/server/feed-token.ts';
import { currentUser, isUserId } from '../../lib/user.ts';

/** A token with which the signed-in user reads their own channels, for 15 minutes; null: nobody is signed in. */
export async function getFeedToken(): Promise<string | null> {
  const user = await currentUser();
  if (user === null) return null;
  return createFeedToken({ channels: [`user.${user.id}.*`], subject: user.id, ttlSeconds: 900 });
}

/** Lets a signed-in user write to another one. */
export async function sendMessage(form: FormData): Promise<void> {
  const from = await currentUser();
  const to = String(form.get('to'));
  if (from === null || !isUserId(to)) return;
  await notify(to, `${from.id}: ${form.get('text')}`);
}
