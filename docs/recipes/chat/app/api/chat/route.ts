import type { UIMessage } from 'ai';
import { after } from 'next/server';
import { ask, openAnswer, readChat, writeAnswer } from '../../../lib/answer.ts';
import { chatChannels } from '../../../lib/chat-channels.ts';

/** How long a model may answer, in seconds, with what comes after the response. The reader's connection may end at any time. */
export const maxDuration = 300;

/** Takes a question, and lets the model answer it. The answer does not depend on this request. */
export async function POST(request: Request): Promise<Response> {
  const { chat, message }: { chat: string; message: UIMessage } = await request.json();
  const channels = chatChannels(chat, request.headers);
  if (channels === null) return new Response('Sign in first.', { status: 401 });
  const { messages, open } = await readChat(channels, request.headers);
  if (open !== null && open.question.id !== message.id)
    return new Response('The last question has no answer yet. Wait for it, or stop it.', { status: 409 });
  const run = { channels, question: message, attempt: 1 };
  // A request that is sent twice finds its question stored, and reads the same answer.
  if (await ask(run)) after(() => writeAnswer(run, [...messages, message]));
  return Response.json(openAnswer(open ?? run));
}

/** The answer that is being written; 204: none. */
export async function GET(request: Request): Promise<Response> {
  const chat = new URL(request.url).searchParams.get('chat') ?? '';
  const channels = chatChannels(chat, request.headers);
  if (channels === null) return new Response('Sign in first.', { status: 401 });
  const { open } = await readChat(channels, request.headers);
  return open === null ? new Response(null, { status: 204 }) : Response.json(openAnswer(open));
}
