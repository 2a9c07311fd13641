import type { ChatTransport, UIMessage, UIMessageChunk } from 'ai';
import type { OpenAnswer } from './answer.ts';
import { connectFeed } from './client/connect-feed.ts';

/** An answer that has been silent for so long may be dead: the transport asks the server to begin it again, in ms. */
const silenceMs = 10_000;

/** The run that wrote the answer has died, and another one begins. Call `resumeStream`: it shows the answer from its start. */
export class AnswerBeginsAgain extends Error {
  override readonly message = 'The answer begins again.';
}

/**
 * Brings the answers of a model by the feed: a reload, a second tab, a lost network and the platform's limit cost no word.
 * @param url the address of the app. Default: this one.
 */
export function createFeedTransport(url = ''): ChatTransport<UIMessage> {
  return {
    // Each answer is read from its first part, also after a reload.
    resumeStreamIsReplay: true,
    async sendMessages({ chatId, messages, abortSignal }) {
      const answer = await post(`${url}/api/chat`, { chat: chatId, message: messages.at(-1) });
      return readAnswer(url, chatId, answer, abortSignal);
    },
    async reconnectToStream({ chatId, abortSignal }) {
      const response = await fetch(`${url}/api/chat?chat=${chatId}`);
      if (response.status === 204) return null;
      if (!response.ok) throw new Error(await response.text());
      return readAnswer(url, chatId, await response.json(), abortSignal);
    },
  };
}

/** Posts, five times at most while the network fails: the server takes the same question once. */
async function post(address: string, body: unknown, tries = 5): Promise<OpenAnswer> {
  try {
    const response = await fetch(address, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (response.ok) return await response.json();
    if (response.status < 500 || tries === 1) throw new RefusedError(await response.text());
  } catch (error) {
    if (error instanceof RefusedError || tries === 1) throw error;
  }
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  return post(address, body, tries - 1);
}

class RefusedError extends Error {}

/** The parts of an answer, from the first one. The stream ends when the channel ends. */
function readAnswer(
  url: string,
  chat: string,
  { channel, attempt }: OpenAnswer,
  signal: AbortSignal | undefined,
): ReadableStream<UIMessageChunk> {
  const closing = new AbortController();
  return new ReadableStream<UIMessageChunk>({
    start(controller) {
      const finish = (end: () => void) => {
        if (closing.signal.aborted) return;
        closing.abort();
        end();
      };
      const askAgain = () =>
        post(`${url}/api/chat/again`, { chat }).catch((error) => console.error('Not begun again:', error));
      const timer = setInterval(() => {
        if (Date.now() - heardAt > silenceMs) void askAgain();
      }, silenceMs / 4);
      let heardAt = Date.now();
      const feed = connectFeed({
        url,
        channels: [channel],
        types: ['answer.parts'],
        rewind: 'all',
        onEvent({ data }) {
          heardAt = Date.now();
          if (closing.signal.aborted || data.attempt < attempt) return;
          if (data.attempt > attempt) finish(() => controller.error(new AnswerBeginsAgain()));
          else for (const part of data.parts) controller.enqueue(part as UIMessageChunk);
        },
        onGap: () => finish(() => controller.error(new Error('The answer is gone.'))),
        onStatus(status, { problem }) {
          if (status === 'ended') finish(() => controller.close());
          if (status === 'stopped') finish(() => controller.error(new Error(problem?.detail)));
        },
      });
      closing.signal.addEventListener('abort', () => {
        clearInterval(timer);
        feed.close();
      });
      signal?.addEventListener('abort', () => finish(() => controller.close()));
    },
    cancel: () => closing.abort(),
  });
}
