import { EventSource } from 'eventsource';
import { createEventSource } from 'eventsource-client';
import type { ForeignReader } from './foreign-reader.ts';

/** `eventsource`: the interface of browsers, for Node. */
export function startEventSource(address: string): ForeignReader {
  const heard: unknown[] = [];
  const source = new EventSource(address);
  source.addEventListener('message', ({ data }) => heard.push(JSON.parse(data).data));
  for (const name of ['hello', 'handover']) source.addEventListener(name, () => heard.push(name));
  return { heard: () => heard, [Symbol.asyncDispose]: async () => source.close() };
}

/** `eventsource-client`: an interface of its own over `fetch`. */
export function startEventSourceClient(address: string): ForeignReader {
  const heard: unknown[] = [];
  const onMessage = ({ event, data }: { event?: string | undefined; data: string }) =>
    heard.push(event ?? JSON.parse(data).data);
  const source = createEventSource({ url: address, onMessage });
  return { heard: () => heard, [Symbol.asyncDispose]: async () => source.close() };
}
