import { EventSource } from 'eventsource';
import { createEventSource } from 'eventsource-client';
import { textBetweenMarks } from '../docs/markdown-table.ts';
import { readProtocol } from '../docs/protocol-doc.ts';
import type { ForeignReader } from './foreign-reader.ts';

/** The package `eventsource`: the browser's interface, for Node. */
export function startEventSource(address: string): ForeignReader {
  const received: unknown[] = [];
  const source = new EventSource(address);
  source.addEventListener('message', ({ data }) => received.push(JSON.parse(data).data));
  for (const name of ['hello', 'handover']) source.addEventListener(name, () => received.push(name));
  return { received: () => received, [Symbol.asyncDispose]: async () => source.close() };
}

/** The script of `docs/protocol.md` for a native `EventSource` behind a proxy that strips `Last-Event-ID`. */
export function startDocumentedScript(address: string): ForeignReader {
  const received: unknown[] = [];
  const sources = new Set<EventSource>();
  let isOver = false;
  class RecordedSource extends EventSource {
    constructor(url: string) {
      super(url);
      sources.add(this);
      for (const name of ['hello', 'handover']) this.addEventListener(name, () => received.push(name));
    }
  }
  const later = (run: () => void, ms: number) => setTimeout(() => isOver || run(), ms);
  const show = ({ data }: { data: unknown }) => received.push(data);
  const [, script = ''] = /```js\n(.*)\n```/s.exec(textBetweenMarks(readProtocol(), 'native reader')) ?? [];
  const run = new Function(
    'EventSource',
    'setTimeout',
    'show',
    script.replace(/'\/api\/stream.*?'/, `'${address}'`),
  );
  run(RecordedSource, later, show);
  return {
    received: () => received,
    async [Symbol.asyncDispose]() {
      isOver = true;
      for (const source of sources) source.close();
    },
  };
}

/** The package `eventsource-client`: its own interface, over `fetch`. */
export function startEventSourceClient(address: string): ForeignReader {
  const received: unknown[] = [];
  const onMessage = ({ event, data }: { event?: string | undefined; data: string }) =>
    received.push(event ?? JSON.parse(data).data);
  const source = createEventSource({ url: address, onMessage });
  return { received: () => received, [Symbol.asyncDispose]: async () => source.close() };
}
