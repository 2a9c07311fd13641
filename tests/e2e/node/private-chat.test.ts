import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readPrivateChat } from '../../support/docs/next-recipes.ts';
import { sessionCookieOf } from '../../support/docs/session-example.ts';
import type { App } from '../../support/node/app-process.ts';
import { ask, readProblem } from '../../support/node/ask.ts';
import type { AppCopy } from '../../support/node/built-copy.ts';
import { copyChatApp } from '../../support/node/chat-app.ts';
import { keepSecret, secrets } from '../../support/node/secrets.ts';
import { openSse } from '../../support/node/sse-reader.ts';

/* The chat only for its user, of docs/recipes.md, built as its reader would have it. Its model says 1 to 200, in 10 s. */

const sessionSecret = 'session-secret-nobody-may-see';
keepSecret('the secret of the sessions', sessionSecret);

const numbers = Array.from({ length: 200 }, (_, index) => index + 1);

let copy: AppCopy;
let app: App;
/** The cookies of the sessions: the user whose chat it is, another user, and nobody. */
let ann: string;
let bob: string;
const nobody = '';

beforeAll(async () => {
  copy = await copyChatApp(readPrivateChat());
  await copy.build({});
  app = await copy.start({ SESSION_SECRET: sessionSecret, READ_TOKEN_SECRET: secrets.readSecret });
  [ann, bob] = await Promise.all([sessionCookieOf(app, 'ann'), sessionCookieOf(app, 'bob')]);
}, 600_000);
afterAll(async () => {
  await app?.[Symbol.asyncDispose]();
  copy?.[Symbol.dispose]();
});

/** Sends a body to a route of the chat, with the cookie of a session. */
const post = (path: string, cookie: string, body: object) =>
  ask(app, path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', cookie },
    body: JSON.stringify(body),
  });

const get = (path: string, cookie: string) => ask(app, path, { headers: { cookie } });

/** Asks in a chat. @returns the channel of the answer. */
async function askIn(chat: string, cookie: string): Promise<string> {
  const message = { id: randomUUID(), role: 'user', parts: [{ type: 'text', text: 'Count.' }] };
  const asked = await post('/api/chat', cookie, { chat, message });
  expect(asked.status, asked.text).toBe(200);
  return JSON.parse(asked.text).channel;
}

/** Reads an answer by a stream until its channel ends. @returns the numbers that the model has said. */
async function readAnswer(channel: string, cookie: string): Promise<readonly number[]> {
  const query = `channel=${channel}&type=answer.parts&rewind=all`;
  using stream = await openSse(app, { query, headers: { cookie } });
  expect(stream.status).toBe(200);
  await stream.frame('end', 120_000);
  return stream.frames
    .filter(({ event }) => event === 'message')
    .flatMap(({ data }) => JSON.parse(data).data.parts)
    .filter(({ type }) => type === 'text-delta')
    .flatMap(({ delta }) => delta.trim().split(' ').map(Number));
}

test('the files have no type error in the app that they are added to', async () => {
  expect(await copy.typeErrors()).toBe('');
});

test.concurrent('its user gets every token of the answer, once, and finds the answer in the chat', async () => {
  const chat = randomUUID();
  const channel = await askIn(chat, ann);
  expect(channel).toMatch(/^user\.ann\.answer\./);

  expect(await readAnswer(channel, ann)).toEqual(numbers);

  const said = JSON.parse((await get(`/api/events?channel=user.ann.chat.${chat}&rewind=all`, ann)).text);
  expect(said.events.map(({ type }: { readonly type: string }) => type)).toEqual([
    'chat.asked',
    'chat.answered',
  ]);
  expect(JSON.stringify(said.events[1].data.message.parts)).toContain('198 199 200');
});

test.concurrent('others cannot read the answer or the chat, in any way', async () => {
  const chat = randomUUID();
  const channel = await askIn(chat, ann);
  for (const closed of [channel, `user.ann.chat.${chat}`]) {
    for (const path of ['events', 'stream', 'events?latest', 'stream?latest']) {
      const address = `/api/${path}${path.includes('?') ? '&' : '?'}channel=${closed}`;
      expect(readProblem(await get(address, nobody)), address).toMatchObject({ status: 401 });
      expect(readProblem(await get(address, bob)), address).toMatchObject({
        status: 403,
        detail: `Channel "${closed}" is not yours.`,
      });
    }
  }
  expect((await get(`/chat?chat=${chat}`, bob)).text).not.toContain('Count.');
  expect((await get(`/chat?chat=${chat}`, nobody)).text).toContain('Sign in');
});

test.concurrent('others cannot stop the answer, begin it again, find it, or ask in the chat', async () => {
  const chat = randomUUID();
  const channel = await askIn(chat, ann);
  const question = { id: channel.split('.').at(-1), role: 'user', parts: [{ type: 'text', text: 'Mine.' }] };

  for (const path of ['/api/chat/stop', '/api/chat/again', '/api/chat'])
    expect((await post(path, nobody, { chat, message: question })).status, path).toBe(401);
  expect((await get(`/api/chat?chat=${chat}`, nobody)).status).toBe(401);
  expect((await post('/api/chat/stop', bob, { chat })).status).toBe(404);
  expect((await post('/api/chat/again', bob, { chat })).text).toBe('null');
  expect((await get(`/api/chat?chat=${chat}`, bob)).status).toBe(204);
  // The same chat and the same id of a question, from another user, are another chat and another question.
  const asked = await post('/api/chat', bob, { chat, message: question });
  expect(JSON.parse(asked.text).channel).toBe(`user.bob.answer.${question.id}`);

  expect(await readAnswer(channel, ann)).toEqual(numbers);
});

test.concurrent('its user stops the answer, and can ask again', async () => {
  const chat = randomUUID();
  const channel = await askIn(chat, ann);

  expect((await post('/api/chat/stop', ann, { chat })).status).toBe(204);

  const said = await readAnswer(channel, ann);
  expect(said.length).toBeLessThan(200);
  expect(said).toEqual(numbers.slice(0, said.length));
  const next = await askIn(chat, ann);
  expect(next).not.toBe(channel);
  await post('/api/chat/stop', ann, { chat });
});
