import { randomUUID } from 'node:crypto';
import { headers } from 'next/headers';
import { redirect } from 'next/navigation';
import { readChat } from '../../lib/answer.ts';
import { chatChannels } from '../../lib/chat-channels.ts';
import { sessionOf } from '../../lib/session.ts';
import { OnlyFor, SignIn, SignOut } from '../sign-in/sign-in.tsx';
import { Chat } from './chat.tsx';

type SearchParams = Promise<{ readonly chat?: string | string[] }>;

/** A chat of the signed-in user with a model. Its address names it: reload it, or open it in a second tab. */
export default async function ChatPage({ searchParams }: { readonly searchParams: SearchParams }) {
  const { chat } = await searchParams;
  if (typeof chat !== 'string' || !/^[0-9a-f-]{36}$/.test(chat)) redirect(`/chat?chat=${randomUUID()}`);
  const here = `/chat?chat=${chat}`;
  const session = sessionOf(await headers());
  const channels = chatChannels(chat, await headers());
  if (session === null || channels === null) return <SignIn to={here} />;
  const { messages } = await readChat(channels, await headers());
  return (
    <main style={{ padding: '1rem', maxWidth: '40rem' }}>
      <OnlyFor user={session.userId} key={session.userId}>
        <Chat chat={chat} said={messages} />
        <SignOut to={here} />
      </OnlyFor>
    </main>
  );
}
