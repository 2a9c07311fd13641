import { setTimeout as sleep } from 'node:timers/promises';
import {
  convertToModelMessages,
  streamText,
  toUIMessageStream,
  type UIMessage,
  type UIMessageChunk,
} from 'ai';
import type { ChatChannels } from './chat-channels.ts';
import { chatModel } from './chat-model.ts';
import { FeedError } from './core/feed-error.ts';
import { readFirstPage } from './server/http/first-page.ts';
import { publishAll } from './server/publish.ts';
import { readFeed } from './server/read-feed.ts';

/** Shortest time between two events of an answer, in ms: each event has all parts that the model gave meanwhile. */
const intervalMs = 50;

/** How often a run says that it is alive while the model is silent, in ms. */
const aliveMs = 3_000;

/** A run that has published nothing for so long is dead, and another may take its place, in ms. */
const deadAfterMs = 9_000;

/** One try to answer a question. */
type Run = { readonly channels: ChatChannels; readonly question: UIMessage; readonly attempt: number };

/** The question without an answer: where to read it, and which attempt counts. */
export type OpenAnswer = { readonly id: string; readonly channel: string; readonly attempt: number };

/** What was said in a chat, and the answer that is being written. @throws Error when the log does not answer. */
export async function readChat(
  channels: ChatChannels,
  headers: Headers,
): Promise<{ readonly messages: readonly UIMessage[]; readonly open: Run | null }> {
  const first = await readFirstPage(headers, { channels: [channels.chat], count: 100 });
  if (first.kind === 'problem') throw new Error(first.detail);
  const messages = new Map<string, UIMessage>();
  let open: Run | null = null;
  for (const { type, data } of JSON.parse(first.initial).events) {
    messages.set(data.message.id, data.message);
    open = type === 'chat.asked' ? { channels, question: data.message, attempt: data.attempt } : null;
  }
  return { messages: [...messages.values()], open };
}

export function openAnswer({ channels, question, attempt }: Run): OpenAnswer {
  return { id: question.id, channel: channels.answerTo(question.id), attempt };
}

/** Names a publish of a run. A name of a channel has no slash, so no other question can have the same key. */
const keyOf = (run: Run, part: string | number) => `${openAnswer(run).channel}/${run.attempt}/${part}`;

/**
 * Stores a question, or the news that its answer begins again.
 * @returns false: another request has stored it, and writes the answer.
 */
export async function ask(run: Run): Promise<boolean> {
  const { channels, question, attempt } = run;
  const asked = { type: 'chat.asked', data: { message: question, attempt }, channel: channels.chat };
  const begun = { type: 'answer.parts', data: { attempt, parts: [] }, channel: openAnswer(run).channel };
  const { duplicate } = await publishAll([asked, begun], { idempotencyKey: keyOf(run, 'ask') });
  return !duplicate;
}

/** Whether the run that writes this answer has been silent for so long that it is dead. */
export async function isDead({ channel }: OpenAnswer, headers: Headers): Promise<boolean> {
  const first = await readFirstPage(headers, { channels: [channel], count: 1 });
  if (first.kind === 'problem') return false;
  const newest = JSON.parse(first.initial).events.at(-1);
  return newest !== undefined && first.renderedAt - newest.time > deadAfterMs;
}

/** Ends an answer where it is: the run that writes it hears this, in whatever process it is. */
export async function stopAnswer(run: Run): Promise<void> {
  const { channel } = openAnswer(run);
  await store([{ type: 'answer.stop', data: null, channel }], keyOf(run, 'stop'));
}

/** Lets the model answer, and publishes the parts of the answer. Its last event ends the channel. */
export async function writeAnswer(run: Run, messages: readonly UIMessage[]): Promise<void> {
  const { channels, question, attempt } = run;
  const { channel } = openAnswer(run);
  const model = new AbortController();
  const watch = watchAnswer(channel, attempt, model);
  const publishParts = (parts: readonly UIMessageChunk[], name: string | number) =>
    store([{ type: 'answer.parts', data: { attempt, parts }, channel }], keyOf(run, name));
  let answer: UIMessage | undefined;
  try {
    const { stream } = streamText({
      model: chatModel,
      messages: await convertToModelMessages([...messages]),
      abortSignal: model.signal,
    });
    const parts = toUIMessageStream({
      stream,
      generateMessageId: () => `${question.id}-answer`,
      onEnd: ({ responseMessage }) => {
        answer = responseMessage;
      },
    });
    let count = 0;
    for await (const batch of inBatches(parts)) {
      if (watch.isReplaced()) return;
      count += 1;
      await publishParts(batch, count);
    }
  } catch (error) {
    console.error(`The answer in ${channel} failed:`, error);
    await publishParts([{ type: 'error', errorText: 'The answer could not be finished.' }], 'failed');
  } finally {
    watch.close();
  }
  if (watch.isReplaced()) return;
  const end = { type: 'answer.parts', data: { attempt, parts: [] }, channel, end: true } as const;
  const answered = {
    type: 'chat.answered',
    data: { message: answer ?? question },
    channel: channels.chat,
  } as const;
  await store([end, answered], keyOf(run, 'end'));
}

/** Stops the model when a reader asks for it, or when another run has taken the place of this one. */
function watchAnswer(channel: string, attempt: number, model: AbortController) {
  const closing = new AbortController();
  let isReplaced = false;
  const types = ['answer.parts', 'answer.stop'] as const;
  const watch = async () => {
    for await (const item of readFeed({
      channels: [channel],
      types,
      rewind: 'all',
      signal: closing.signal,
    })) {
      if (item.kind !== 'event') continue;
      if (item.event.type === 'answer.parts' && item.event.data.attempt <= attempt) continue;
      isReplaced ||= item.event.type === 'answer.parts';
      model.abort();
    }
  };
  watch().catch((error) => console.error(`Nobody can stop the answer in ${channel}:`, error));
  return { isReplaced: () => isReplaced, close: () => closing.abort() };
}

/** Gives the parts in lists: what has come in `intervalMs`, or an empty list when the model is silent for `aliveMs`. */
async function* inBatches(parts: ReadableStream<UIMessageChunk>): AsyncGenerator<readonly UIMessageChunk[]> {
  let waiting: UIMessageChunk[] = [];
  let isOver = false;
  const reading = (async () => {
    for await (const part of parts) waiting.push(part);
  })().finally(() => {
    isOver = true;
  });
  reading.catch(() => undefined); // It is awaited below.
  let givenAt = Date.now();
  while (!isOver || waiting.length > 0) {
    await Promise.race([sleep(intervalMs), reading.catch(() => undefined)]);
    if (waiting.length === 0 && Date.now() - givenAt < aliveMs) continue;
    const batch = waiting;
    waiting = [];
    givenAt = Date.now();
    if (batch.length > 0 || !isOver) yield batch;
  }
  await reading;
}

/** Publishes. While the log does not answer, it tries again for a minute: with the same key nothing is stored twice. */
async function store(events: Parameters<typeof publishAll>[0], idempotencyKey: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await publishAll(events, { idempotencyKey });
      return;
    } catch (error) {
      const canPass = error instanceof FeedError && ['log-unavailable', 'rate-limited'].includes(error.code);
      if (!canPass || tries === 30) throw error;
      await sleep(2_000);
    }
  }
}
