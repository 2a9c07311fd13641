import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { AbstractChat, type ChatState, type ChatStatus, DefaultChatTransport, type UIMessage } from 'ai';
import { tokensOf } from './lib/answer-text.ts';
import { AnswerBeginsAgain, createFeedTransport } from './lib/feed-transport.ts';

/*
 * Asks questions in both ways, with the SDK's own chat, and prints for each answer how it arrived. Arguments: the address, the
 * number of questions in each way, how many of each way are asked at the same time.
 */

const [url = '', questions = '', together = ''] = process.argv.slice(2);

/** How long a reader tries to get its answer, in ms. */
const patienceMs = 300_000;

/** The pause before a reader comes back, in ms. */
const pauseMs = 500;

type Way = 'feed' | 'peer';

/** `exact`: every token once, in order. `told`: not exact, and the chat shows an error. `wrong`: not exact, and it shows none. */
type Outcome = {
  readonly way: Way;
  readonly outcome: 'exact' | 'told' | 'wrong';
  readonly ms: number;
  /** The error that the chat shows; null: none. */
  readonly error: string | null;
};

/** The state that `useChat` keeps in React, as plain fields. */
class PlainState implements ChatState<UIMessage> {
  status: ChatStatus = 'ready';
  error: Error | undefined;
  messages: UIMessage[] = [];
  pushMessage = (message: UIMessage) => {
    this.messages = [...this.messages, message];
  };
  popMessage = () => {
    this.messages = this.messages.slice(0, -1);
  };
  replaceMessage = (index: number, message: UIMessage) => {
    this.messages = this.messages.with(index, structuredClone(message));
  };
  snapshot = <Thing>(thing: Thing): Thing => structuredClone(thing);
}

class Chat extends AbstractChat<UIMessage> {}

const transports = {
  feed: () => createFeedTransport(url),
  peer: () => new DefaultChatTransport<UIMessage>({ api: `${url}/api/peer` }),
};

/** Asks one question, and comes back after each error until it has an answer, or there is none to come back to. */
async function askOne(way: Way, question: string): Promise<Outcome> {
  const startedAt = Date.now();
  const chat = new Chat({ id: randomUUID(), state: new PlainState(), transport: transports[way]() });
  const whole = tokensOf(question).join('');
  const text = () => {
    const answer = chat.messages.findLast(({ role }) => role === 'assistant');
    return answer?.parts.map((part) => (part.type === 'text' ? part.text : '')).join('') ?? '';
  };
  await chat.sendMessage({ text: question });
  let fruitless = 0;
  while (chat.status === 'error' && text() !== whole && Date.now() - startedAt < patienceMs) {
    if (!(chat.error instanceof AnswerBeginsAgain)) await sleep(pauseMs);
    const before = text();
    await chat.resumeStream();
    // Ten times nothing new: a user would have given up.
    fruitless = text() === before ? fruitless + 1 : 0;
    if (fruitless === 10) break;
  }
  const outcome = text() === whole ? 'exact' : chat.status === 'error' ? 'told' : 'wrong';
  return { way, outcome, ms: Date.now() - startedAt, error: chat.error?.message ?? null };
}

const left = Array.from({ length: Number(questions) }, (_, index) => `question ${index}`);
const ask = async (way: Way, mine: string[]) => {
  for (let next = mine.pop(); next !== undefined; next = mine.pop())
    console.log(JSON.stringify(await askOne(way, next)));
};
await Promise.all(
  (['feed', 'peer'] as const).flatMap((way) => {
    const mine = [...left];
    return Array.from({ length: Number(together) }, () => ask(way, mine));
  }),
);
