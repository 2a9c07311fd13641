import {
  convertToModelMessages,
  createUIMessageStreamResponse,
  generateId,
  streamText,
  toUIMessageStream,
  type UIMessage,
} from 'ai';
import { chatModel } from '../../../lib/chat-model.ts';
import { saveActiveStream, streams } from '../../../lib/peer-chats.ts';

export const maxDuration = 300;

export async function POST(request: Request): Promise<Response> {
  const { id, messages }: { id: string; messages: UIMessage[] } = await request.json();
  await saveActiveStream(id, null);
  const { stream } = streamText({ model: chatModel, messages: await convertToModelMessages(messages) });
  return createUIMessageStreamResponse({
    stream: toUIMessageStream({
      stream,
      originalMessages: messages,
      generateMessageId: generateId,
      onEnd: () => saveActiveStream(id, null),
    }),
    async consumeSseStream({ stream: copy }) {
      const streamId = generateId();
      await streams.createNewResumableStream(streamId, () => copy);
      await saveActiveStream(id, streamId);
    },
  });
}
