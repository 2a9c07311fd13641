import { readChat, stopAnswer } from '../../../../lib/answer.ts';
import { chatChannels } from '../../../../lib/chat-channels.ts';

/** Stops the model, in whatever process it runs. Every tab then gets the end of the answer. */
export async function POST(request: Request): Promise<Response> {
  const { chat }: { chat: string } = await request.json();
  const channels = chatChannels(chat, request.headers);
  if (channels === null) return new Response('Sign in first.', { status: 401 });
  const { open } = await readChat(channels, request.headers);
  if (open === null) return new Response('No answer is being written in this chat.', { status: 404 });
  await stopAnswer(open);
  return new Response(null, { status: 204 });
}
