import { readChat, stopAnswer } from '../../../../lib/answer.ts';

/** Stops the model, in whatever process it runs. Every tab then gets the end of the answer. */
export async function POST(request: Request): Promise<Response> {
  const { chat }: { chat: string } = await request.json();
  const { open } = await readChat(chat, request.headers);
  if (open !== null) await stopAnswer(open);
  return new Response(null, { status: 204 });
}
