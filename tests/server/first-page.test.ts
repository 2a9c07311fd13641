import { afterEach, expect, test } from 'vitest';
import { readFirstPage } from '../../lib/server/first-page.ts';
import { openStream } from '../routes/open-stream.ts';
import { makeStand, type Stand } from './stand.ts';

const holder = globalThis as { [key: symbol]: unknown };
const key = Symbol.for('steadfeed');

/** Makes a stand's runtime that of the process, as a page sees it. */
function makeProcess(): Stand {
  const stand = makeStand();
  holder[key] = stand.runtime;
  return stand;
}

afterEach(() => {
  delete holder[key];
});

test('a page begins with the newest events, and a stream goes on from its cursor', async () => {
  const stand = makeProcess();
  await stand.publish(10);
  const first = await readFirstPage('feed', 3, new Headers());
  if (first.kind !== 'page') throw new Error(first.detail);
  await stand.publish(2);

  const stream = await openStream(stand, `after=${first.page.cursor}`);

  expect(first.page.events.map(({ data }) => data)).toEqual([8, 9, 10]);
  expect([first.page.gaps, stream.of('gap'), stream.data()]).toEqual([[], [], [1, 2]]);
});

test('a page of an empty log begins at its beginning', async () => {
  makeProcess();

  expect(await readFirstPage('feed', 50, new Headers())).toMatchObject({
    kind: 'page',
    page: { events: [], cursor: '0-0', gaps: [], more: false },
  });
});

test('a page whose log cannot be reached says so', async () => {
  makeProcess().log.isDown = true;

  expect(await readFirstPage('feed', 50, new Headers())).toMatchObject({
    kind: 'problem',
    detail: expect.any(String),
  });
});
