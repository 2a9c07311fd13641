/** Where the questions of a chat are, with their finished answers; and where the answer to a question is written. */
export type ChatChannels = { readonly chat: string; readonly answerTo: (questionId: string) => string };

/** Everyone who knows the id of a chat may read it, and ask, so make the id random. @returns null: nobody may. */
export function chatChannels(chat: string, _headers: Headers): ChatChannels | null {
  return { chat: `public:chat.${chat}`, answerTo: (questionId) => `public:answer.${questionId}` };
}
