import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import { paddingFrame } from '../../../lib/core/sse-frames.ts';
import type { EventAttributes, NewEvent } from '../../../lib/log/event-log.ts';
import { declareType } from '../declared-type.ts';
import { makeStand, type Stand } from '../server/stand.ts';

// Your app may declare another shape.
declareType('order.paid', z.object({ order: z.number() }));

/** A block of code in the document. */
export function block(text: string, language = 'http'): string {
  return `\`\`\`${language}\n${text.trimEnd()}\n\`\`\``;
}

/** The document's short form of the padding. It is a comment too, so a parser can read it. */
export const shownPadding = ': … 2,045 spaces …\n\n';

/** The text of an answer in HTTP/1.1, with the headers that the app sets. */
export async function answerText(response: Response): Promise<string> {
  const head = `HTTP/1.1 ${response.status} ${STATUS_CODES[response.status]}`;
  const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`);
  const body = (await response.text()).replace(paddingFrame, shownPadding);
  return [head, ...headers, '', body].join('\n');
}

/** Sends a request. @returns the request and its answer as a block of code. */
async function exchange(
  stand: Stand,
  method: string,
  path: string,
  headers = {},
  body = '',
): Promise<string> {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const request = [`${method} /api/${path} HTTP/1.1`, ...lines, ...(body === '' ? [] : ['', body])];
  const init = { method, headers, ...(body === '' ? {} : { body }) };
  const answer = await answerText(await stand.ask(path, init));
  return block(`${request.join('\n')}\n\n${answer}`);
}

const orders = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => ({
    channel: 'orders',
    type: 'order.paid',
    data: JSON.stringify({ order: from + index }),
  }));

/** A server whose log has the events 3, 4 and 5 of `orders`, one second apart, and the cursor after event 1. */
async function makeOrders(env = {}): Promise<{ readonly stand: Stand; readonly afterFirst: string }> {
  const stand = makeStand({ env, retention: 3 });
  let afterFirst = '';
  for (const event of orders(1, 5)) {
    await stand.memory.append({ events: [event], key: null });
    afterFirst ||= stand.cursorAtEnd('orders');
    await stand.clock.advance(1_000);
  }
  return { stand, afterFirst };
}

/** A publish request with a token and a key. */
export function publishExample(): Promise<string> {
  const stand = makeStand({ env: { PUBLISH_TOKEN: 'secret' } });
  const headers = {
    'content-type': 'application/json',
    authorization: 'Bearer secret',
    'idempotency-key': 'order-17-paid',
  };
  const body = '[{"channel":"orders","type":"order.paid","data":{"order":17}},{"data":"hello"}]';
  return exchange(stand, 'POST', 'events', headers, body);
}

/** A page with a gap before its events. */
export async function pageExample(): Promise<string> {
  const { stand, afterFirst } = await makeOrders();
  return exchange(stand, 'GET', `events?channel=orders&after=${afterFirst}&limit=2`);
}

export function healthExample(): Promise<string> {
  return exchange(makeStand(), 'GET', 'health');
}

/** A complete stream with every kind of frame, from its cursor to its planned end. */
export async function streamText(): Promise<{ readonly path: string; readonly text: string }> {
  const { stand, afterFirst } = await makeOrders({ STREAM_MAX_SECONDS: '30' });
  const path = `stream?channel=orders&after=${afterFirst}`;
  const text = (await stand.ask(path)).text();
  await stand.clock.advance(30_000);
  return { path, text: await text };
}

export async function streamExample(): Promise<string> {
  const { path, text } = await streamText();
  return block(`GET /api/${path}\n\n${text.replace(paddingFrame, shownPadding)}`, 'text');
}

/** The first frames of a stream of two channels. */
export async function twoChannelsExample(): Promise<string> {
  const stand = makeStand({ env: { STREAM_MAX_SECONDS: '30' } });
  const text = (await stand.ask('stream?channel=orders&channel=feed')).text();
  await stand.clock.advance(50);
  await stand.memory.append({ events: orders(1, 1), key: null });
  await stand.clock.advance(30_000);
  const frames = (await text).replace(paddingFrame, '').split('\n\n').slice(0, 2);
  return block(`GET /api/stream?channel=orders&channel=feed\n\n${frames.join('\n\n')}`, 'text');
}

/** A server whose channel `machines` has the state of two hosts; the second one expires. */
async function makeMachines(): Promise<Stand> {
  const stand = makeStand({ env: { STREAM_MAX_SECONDS: '30' } });
  const put = async (load: number, attributes: EventAttributes) => {
    const event = { channel: 'machines', type: 'message', data: JSON.stringify({ load }), attributes };
    await stand.memory.append({ events: [event], key: null });
    await stand.clock.advance(1_000);
  };
  await put(0.1, { subject: 'host-9', ttlMs: 60_000 });
  await put(0.2, { subject: 'host-1' });
  await put(0.7, { subject: 'host-9', ttlMs: 60_000 });
  await put(0.4, { subject: 'host-3' });
  return stand;
}

/** The first of two pages of a state. */
export async function latestExample(): Promise<string> {
  return exchange(await makeMachines(), 'GET', 'events?latest&channel=machines&limit=2');
}

/** A stream that begins with the state of a channel, until the channel ends. */
export async function stateText(): Promise<string> {
  const stand = await makeMachines();
  const text = (await stand.ask('stream?latest&channel=machines&subject=host-1')).text();
  await stand.clock.advance(50);
  const event = {
    channel: 'machines',
    type: 'message',
    data: '"off"',
    attributes: { subject: 'host-1', end: true },
  };
  await stand.memory.append({ events: [event as NewEvent], key: null });
  await stand.clock.advance(30_000);
  return text;
}

export async function stateExample(): Promise<string> {
  const text = (await stateText()).replace(paddingFrame, '');
  return block(`GET /api/stream?latest&channel=machines&subject=host-1\n\n${text}`, 'text');
}
