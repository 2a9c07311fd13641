import { afterAll, beforeAll, describe, test } from 'vitest';
import { type App, startApp } from '../../support/node/app-process.ts';
import { startCurl } from '../../support/node/curl-reader.ts';
import {
  readThroughCutAndHandover,
  type StartForeignReader,
  shortStreams,
} from '../../support/node/foreign-reader.ts';
import { startEventSource, startEventSourceClient } from '../../support/node/npm-readers.ts';
import { startPython } from '../../support/node/python-reader.ts';

let app: App;
beforeAll(async () => {
  app = await startApp(shortStreams);
});
afterAll(() => app[Symbol.asyncDispose]());

const readers: readonly (readonly [string, string, StartForeignReader])[] = [
  ['the package eventsource', 'eventsource', startEventSource],
  ['the package eventsource-client', 'eventsource-client', startEventSourceClient],
  ['curl', 'curl', startCurl],
  ['Python’s standard library', 'python', startPython],
];

describe.concurrent('when one stream breaks inside an event and another is handed over', () => {
  test.for(readers)('%s gets each event once, in order', async ([, channel, start], { expect }) => {
    const { received, published } = await readThroughCutAndHandover(app, channel, start);

    expect(received).toEqual(published);
  });
});
