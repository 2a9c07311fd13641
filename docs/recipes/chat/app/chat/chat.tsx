'use client';

import { useChat } from '@ai-sdk/react';
import type { UIMessage } from 'ai';
import { useSyncExternalStore } from 'react';
import { AnswerBeginsAgain, createFeedTransport } from '../../lib/feed-transport.ts';

const transport = createFeedTransport();

/** The messages of a chat, and a form for the next question. @param said the messages that the server has rendered. */
export function Chat({ chat, said }: { readonly chat: string; readonly said: readonly UIMessage[] }) {
  const { messages, sendMessage, resumeStream, status, error } = useChat({
    id: chat,
    messages: [...said],
    transport,
    resume: true,
    onError(problem) {
      if (problem instanceof AnswerBeginsAgain) setTimeout(() => void resumeStream());
    },
  });
  // Before the page's script runs, a press would load the page anew and lose the question.
  const isReady = useSyncExternalStore(
    () => () => undefined,
    () => true,
    () => false,
  );
  const isAnswering = status === 'submitted' || status === 'streaming';
  return (
    <>
      {messages.map((message) => (
        <p key={message.id}>
          <b>{message.role === 'user' ? 'You' : 'Model'}:</b>{' '}
          {message.parts.map((part) => (part.type === 'text' ? part.text : ''))}
        </p>
      ))}
      {error !== undefined && !isAnswering && <p role="alert">{error.message}</p>}
      <form
        onSubmit={(submitted) => {
          submitted.preventDefault();
          const form = submitted.currentTarget;
          void sendMessage({ text: String(new FormData(form).get('question')) });
          form.reset();
        }}
      >
        <input aria-label="Question" name="question" required />{' '}
        <button type="submit" disabled={!isReady || isAnswering}>
          Ask
        </button>{' '}
        <button type="button" disabled={!isAnswering} onClick={() => void stop(chat)}>
          Stop
        </button>
      </form>
    </>
  );
}

/** A request of its own: to end this connection would only end the reading. */
async function stop(chat: string): Promise<void> {
  await fetch('/api/chat/stop', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ chat }),
  });
}
