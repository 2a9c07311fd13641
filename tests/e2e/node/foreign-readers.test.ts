import { afterAll, beforeAll, describe, test } from 'vitest';
import { type App, startApp } from '../../support/node/app-process.ts';
import { startCurl } from '../../support/node/curl-reader.ts';
import {
  readThroughCutAndHandover,
  type StartForeignReader,
  shortStreams,
} from '../../support/node/foreign-reader.ts';
import {
  startDocumentedScript,
  startEventSource,
  startEventSourceClient,
} from '../../support/node/npm-readers.ts';
import { startPolyfill } from '../../support/node/polyfill-reader.ts';
import { startPython } from '../../support/node/python-reader.ts';

let app: App;
beforeAll(async () => {
  app = await startApp(shortStreams);
});
afterAll(() => app[Symbol.asyncDispose]());

const readers: readonly (readonly [string, string, StartForeignReader])[] = [
  ['the package eventsource', 'eventsource', startEventSource],
  ['the package eventsource-client', 'eventsource-client', startEventSourceClient],
  ['a reader with the requests of event-source-polyfill', 'polyfill', startPolyfill],
  ['curl', 'curl', startCurl],
  ['Python’s standard library', 'python', startPython],
];

describe.concurrent('when one stream breaks inside an event and another is handed over', () => {
  test.for(readers)('%s gets each event once, in order', async ([, channel, start], { expect }) => {
    const { received, published } = await readThroughCutAndHandover(app, channel, start);

    expect(received).toEqual(published);
  });
});

describe.concurrent('behind a proxy that strips Last-Event-ID', () => {
  test('the script of the protocol’s page gets each event once, in order', async ({ expect }) => {
    const { received, published } = await readThroughCutAndHandover(
      app,
      'script',
      startDocumentedScript,
      true,
    );

    expect(received).toEqual(published);
  });

  test('an EventSource alone starts again at its address, and gets events twice', async ({ expect }) => {
    const { received, published } = await readThroughCutAndHandover(app, 'stripped', startEventSource, true);

    expect(new Set(received)).toEqual(new Set(published));
    expect(received.length).toBeGreaterThan(published.length);
  });
});
