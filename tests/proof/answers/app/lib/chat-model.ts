import { simulateReadableStream } from 'ai';
import { MockLanguageModelV4 } from 'ai/test';
import { tokensOf } from './answer-text.ts';

/** Time between two tokens, in ms: an answer takes 9 to 15 s. */
const tokenMs = 60;

/** Answers the last question of the prompt, token by token. Both ways use it. */
export const chatModel = new MockLanguageModelV4({
  doStream: async ({ prompt }) => {
    const last = prompt.findLast(({ role }) => role === 'user');
    const question =
      last?.role === 'user'
        ? last.content.map((part) => (part.type === 'text' ? part.text : '')).join('')
        : '';
    return {
      stream: simulateReadableStream({
        initialDelayInMs: tokenMs,
        chunkDelayInMs: tokenMs,
        chunks: [
          { type: 'text-start', id: 'text' },
          ...tokensOf(question).map((delta) => ({ type: 'text-delta' as const, id: 'text', delta })),
          { type: 'text-end', id: 'text' },
          { type: 'finish', finishReason: { unified: 'stop', raw: 'stop' }, usage },
        ],
      }),
    };
  },
});

const usage = {
  inputTokens: { total: 0, noCache: 0, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 0, text: 0, reasoning: 0 },
};
