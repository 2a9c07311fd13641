import { sessionOf } from './session.ts';

/** Where the questions of a chat are, with their finished answers; and where the answer to a question is written. */
export type ChatChannels = { readonly chat: string; readonly answerTo: (questionId: string) => string };

/**
 * The channels of a chat begin with the id of the user who is signed in: `canRead` lets only this user read them. The id comes
 * from the session, never from what the browser sends. Another user who names the same chat gets a chat of their own.
 * @returns null: nobody is signed in.
 */
export function chatChannels(chat: string, headers: Headers): ChatChannels | null {
  const session = sessionOf(headers);
  if (session === null) return null;
  const own = `user.${session.userId}`;
  return { chat: `${own}.chat.${chat}`, answerTo: (questionId) => `${own}.answer.${questionId}` };
}
