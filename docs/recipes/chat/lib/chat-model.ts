import { simulateReadableStream } from 'ai';
import { MockLanguageModelV4 } from 'ai/test';

/** A model for trying out, which says the numbers up to 200. Put your own here, for example `'openai/gpt-6-luna'`. */
export const chatModel = new MockLanguageModelV4({
  doStream: async () => ({
    stream: simulateReadableStream({
      initialDelayInMs: 200,
      chunkDelayInMs: 50,
      chunks: [
        { type: 'text-start', id: 'text' },
        ...Array.from({ length: 200 }, (_, index) => ({
          type: 'text-delta' as const,
          id: 'text',
          delta: `${index + 1} `,
        })),
        { type: 'text-end', id: 'text' },
        { type: 'finish', finishReason: { unified: 'stop', raw: 'stop' }, usage },
      ],
    }),
  }),
});

const noTokens = { total: 0, noCache: 0, cacheRead: 0, cacheWrite: 0, text: 0, reasoning: 0 };
const usage = { inputTokens: noTokens, outputTokens: noTokens };
