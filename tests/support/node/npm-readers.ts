import { EventSource } from 'eventsource';
import { createEventSource } from 'eventsource-client';
import type { ForeignReader } from './foreign-reader.ts';

/** The package `eventsource`: the browser's interface, for Node. */
export function startEventSource(address: string): ForeignReader {
  const received: unknown[] = [];
  const source = new EventSource(address);
  source.addEventListener('message', ({ data }) => received.push(JSON.parse(data).data));
  for (const name of ['hello', 'handover']) source.addEventListener(name, () => received.push(name));
  return { received: () => received, [Symbol.asyncDispose]: async () => source.close() };
}

/** The package `eventsource-client`: its own interface, over `fetch`. */
export function startEventSourceClient(address: string): ForeignReader {
  const received: unknown[] = [];
  const onMessage = ({ event, data }: { event?: string | undefined; data: string }) =>
    received.push(event ?? JSON.parse(data).data);
  const source = createEventSource({ url: address, onMessage });
  return { received: () => received, [Symbol.asyncDispose]: async () => source.close() };
}
