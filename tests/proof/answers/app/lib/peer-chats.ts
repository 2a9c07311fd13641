import { Redis } from 'ioredis';
import { after } from 'next/server';
import { createResumableStreamContext } from 'resumable-stream/ioredis';

/* The peer as its documentation and that of the AI SDK show it: the id of a chat's active stream is in the app's database. */

const address = process.env.PEER_REDIS_URL ?? '';
const store = new Redis(address);

export const streams = createResumableStreamContext({
  waitUntil: after,
  publisher: new Redis(address),
  subscriber: new Redis(address),
});

/** @param stream null: the chat has no active stream. */
export async function saveActiveStream(chat: string, stream: string | null): Promise<void> {
  if (stream === null) await store.del(`peer-chat:${chat}`);
  else await store.set(`peer-chat:${chat}`, stream, 'EX', 3_600);
}

export async function readActiveStream(chat: string): Promise<string | null> {
  return store.get(`peer-chat:${chat}`);
}
