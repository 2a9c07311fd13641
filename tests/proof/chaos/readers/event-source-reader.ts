import { EventSource } from 'eventsource';
import { queryOf, type Reader, type ReaderOrder } from './reader.ts';

/** The package `eventsource`: a native EventSource's behaviour, in Node. */
export function startEventSourceReader(order: ReaderOrder): Reader {
  const { url, record } = order;
  const source = new EventSource(`${url}/api/stream?${queryOf(order)}`);
  let problem = '';
  source.addEventListener('message', ({ data }) => record.event(JSON.parse(data)));
  source.addEventListener('gap', ({ data }) => record.gap(JSON.parse(data)));
  source.addEventListener('error', (error) => {
    problem = `${error.code ?? ''} ${error.message ?? ''}`;
  });
  return {
    record,
    state: () => `readyState ${source.readyState} ${problem}`,
    // A native reader that is told another status than 200 never comes back.
    gaveUp: () => (source.readyState === source.CLOSED ? `closed: ${problem}` : null),
    close: () => source.close(),
  };
}
