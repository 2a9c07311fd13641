import { randomUUID } from 'node:crypto';
import { headers } from 'next/headers';
import { redirect } from 'next/navigation';
import { readChat } from '../../lib/answer.ts';
import { chatChannels } from '../../lib/chat-channels.ts';
import { Chat } from './chat.tsx';

type SearchParams = Promise<{ readonly chat?: string | string[] }>;

/** A chat with a model. Its address names it: reload it, or open it in a second tab. */
export default async function ChatPage({ searchParams }: { readonly searchParams: SearchParams }) {
  const { chat } = await searchParams;
  if (typeof chat !== 'string' || !/^[0-9a-f-]{36}$/.test(chat)) redirect(`/chat?chat=${randomUUID()}`);
  const channels = chatChannels(chat, await headers());
  if (channels === null) return <p role="alert">Sign in first.</p>;
  const { messages } = await readChat(channels, await headers());
  return (
    <main style={{ padding: '1rem', maxWidth: '40rem' }}>
      <Chat chat={chat} said={messages} />
    </main>
  );
}
