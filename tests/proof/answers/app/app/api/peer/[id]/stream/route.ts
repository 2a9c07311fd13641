import { UI_MESSAGE_STREAM_HEADERS } from 'ai';
import { readActiveStream, streams } from '../../../../../lib/peer-chats.ts';

type Context = { readonly params: Promise<{ readonly id: string }> };

export async function GET(_: Request, { params }: Context): Promise<Response> {
  const { id } = await params;
  const active = await readActiveStream(id);
  if (active === null) return new Response(null, { status: 204 });
  return new Response(await streams.resumeExistingStream(active), { headers: UI_MESSAGE_STREAM_HEADERS });
}
