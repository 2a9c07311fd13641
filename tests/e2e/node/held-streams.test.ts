import { afterAll, beforeAll, describe, test } from 'vitest';
import { connectFeed } from '../../../lib/client/connect-feed.ts';
import { middleboxes } from '../../proof/middleboxes/catalogue.ts';
import { type App, startApp } from '../../support/node/app-process.ts';
import { eventually } from '../../support/node/eventually.ts';
import { store } from '../../support/node/publish.ts';

let app: App;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app[Symbol.asyncDispose]());

/**
 * Boxes that pass polls on at once, and why the client then polls. What comes 20 s late is late; a stream that has brought
 * nothing yet when a check brings events looks held back.
 */
const boxes = [
  ['blocks-1k', ['held']],
  ['blocks-2k', ['held']],
  ['scanner', ['held']],
  ['late-after-3k', ['late', 'held']],
] as const;

/** Until the client knows the box, an event may wait for a heartbeat and a check. Then it comes with the next poll. */
const learningMs = 15_000;
const latestMs = 5_000;

describe.concurrent('behind a box that holds streams back, a reader with the default settings', () => {
  test.for(boxes)(
    'gets each event of a quiet feed within 5 s, and polls: %s',
    async ([name, reasons], { expect }) => {
      const box = middleboxes.find((each) => each.name === name);
      if (box === undefined) throw new Error(`no middlebox ${name}`);
      await using proxy = await box.start(app);
      const arrivals = new Map<unknown, number>();
      const feed = connectFeed({
        url: proxy.url,
        channels: [name],
        onEvent: ({ data }) => void arrivals.set(data, (arrivals.get(data) ?? 0) + 1),
      });
      try {
        // No cursor yet: it begins now, whatever answers first.
        await new Promise((resolve) => setTimeout(resolve, 500));
        const isPolling = () => feed.getSnapshot().pollingReason !== null;
        for (let number = 1, known = 0; number <= 30 && known < 3; number += 1) {
          const withinMs = isPolling() ? latestMs : learningMs;
          if (isPolling()) known += 1;
          await store(app, [number], { channel: name });
          await eventually(`event ${number} has come through ${name}`, withinMs, () => arrivals.has(number));
          await new Promise((resolve) => setTimeout(resolve, 500));
        }
        expect(feed.getSnapshot()).toMatchObject({ status: 'polling', gaps: [] });
        expect(reasons).toContain(feed.getSnapshot().pollingReason);
        expect([...arrivals.values()].every((times) => times === 1)).toBe(true);
      } finally {
        feed.close();
      }
    },
  );
});
