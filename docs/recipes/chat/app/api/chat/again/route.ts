import { after } from 'next/server';
import { ask, isDead, openAnswer, readChat, writeAnswer } from '../../../../lib/answer.ts';
import { chatChannels } from '../../../../lib/chat-channels.ts';

/** How long a model may answer, in seconds. */
export const maxDuration = 300;

/** Begins an answer again, if the process that wrote it has died. All readers may ask: one of them is heard. */
export async function POST(request: Request): Promise<Response> {
  const { chat }: { chat: string } = await request.json();
  const channels = chatChannels(chat, request.headers);
  if (channels === null) return new Response('Sign in first.', { status: 401 });
  const { messages, open } = await readChat(channels, request.headers);
  if (open === null) return Response.json(null);
  const next = { ...open, attempt: open.attempt + 1 };
  const isTaken = (await isDead(openAnswer(open), request.headers)) && (await ask(next));
  if (isTaken) after(() => writeAnswer(next, messages));
  return Response.json(openAnswer(isTaken ? next : open));
}
