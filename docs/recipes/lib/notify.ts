import { publish } from './server/publish.ts';

/** The channel of a user's notifications. Only tokens for `user.<id>.*` can read it. */
export const notificationsOf = (userId: string) => `user.${userId}.notifications`;

/** Tells a user something, in every window and on every device. */
export async function notify(userId: string, text: string): Promise<void> {
  await publish('notification', { text }, { channel: notificationsOf(userId) });
}
