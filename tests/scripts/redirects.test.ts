import { afterEach, describe, expect, test } from 'vitest';
import { feedServer } from '../support/client/feed-server.ts';
import { eventually } from '../support/node/eventually.ts';
import { type Misbehaviour, startPublishServer } from '../support/scripts/publish-server.ts';
import { endScripts, runScript } from '../support/scripts/script-process.ts';

/* An app with `trailingSlash` redirects each request to the same path with a slash at its end. */

const closing: (() => unknown)[] = [];
afterEach(async () => {
  endScripts();
  for (const close of closing.splice(0)) await close();
});

/** A feed that answers each request to `/api/stream` with a redirect there, unless the path ends with a slash. */
async function redirectingFeed(status: number, locationOf: (url: string) => string) {
  const server = await feedServer(({ request: { url = '' }, response, begin }) => {
    if (url.startsWith('/api/stream/')) begin();
    else response.writeHead(status, { location: locationOf(url) }).end();
  });
  closing.push(server.close);
  server.publish(3);
  return server;
}

async function publishServer(...misbehaves: Misbehaviour[]) {
  const server = await startPublishServer(...misbehaves);
  closing.push(server.close);
  return server;
}

const redirect = (status: number, location: string) =>
  ({ kind: 'answers', status, body: '', location }) as const;

const withSlash = (url: string) => url.replace('/api/stream', '/api/stream/');
const tail = (url: string) => runScript('tail', ['--url', url, '--after', '0-0', '--token', 'my-token']);
const push = (url: string) => runScript('push', ['hello', '--url', url], { PUBLISH_TOKEN: 'my-token' });

describe('a redirect to the same origin', () => {
  test.each([307, 308])('is followed by push with its body and token (%i)', async (status) => {
    const server = await publishServer(redirect(status, '/api/events/'));
    expect(await push(server.url).code).toBe(0);
    expect(server.stored).toEqual([{ channel: 'feed', type: 'message', data: 'hello' }]);
    expect(server.requests.map(({ token }) => token)).toEqual(['Bearer my-token', 'Bearer my-token']);
  });

  test.each([301, 302])('that would turn a POST into a GET is not followed by push (%i)', async (status) => {
    const server = await publishServer(redirect(status, '/api/events/'));
    const run = push(server.url);
    expect(await run.code).toBe(1);
    expect(run.err()).toContain(`redirects to /api/events/ (${status}). Set --url`);
    expect(server.stored).toEqual([]);
  });

  test.each([301, 307, 308])('is followed by tail with its token (%i)', async (status) => {
    const server = await redirectingFeed(status, withSlash);
    const run = tail(server.url);
    await eventually('tail prints 3 events', 10_000, () => run.out().split('\n').length === 4);
    expect(new Set(server.tokens)).toEqual(new Set(['Bearer my-token']));
  });

  test('without end is given up', async () => {
    const server = await publishServer(...Array(20).fill(redirect(308, '/api/events/')));
    const run = push(server.url);
    expect(await run.code).toBe(1);
    expect(run.err()).toContain('redirects to /api/events/ (308)');
    expect(server.requests.length).toBeLessThan(10);
  });
});

describe('a redirect to another origin', () => {
  test('is named by push, and no request goes there', async () => {
    const stranger = await publishServer();
    const server = await publishServer(redirect(308, `${stranger.url}/api/events`));
    const run = push(server.url);
    expect(await run.code).toBe(1);
    expect(run.err()).toContain(`redirects to ${stranger.url}/api/events (308). Set --url`);
    expect(stranger.requests).toEqual([]);
  });

  test('is named by tail, and no request goes there', async () => {
    const stranger = await redirectingFeed(308, withSlash);
    const server = await redirectingFeed(308, (url) => `${stranger.url}${withSlash(url)}`);
    server.answerPolls((response) => {
      response.writeHead(308, { location: `${stranger.url}/api/events/` }).end();
      return true;
    });
    const run = tail(server.url);
    const reason = `The app redirects to ${stranger.url}/api/stream/. Set --url to the new address of the app.`;
    await eventually('tail says where to', 10_000, () => run.err().includes(reason));
    await eventually('tail tries again', 20_000, () => server.asked.length > 3);
    expect(stranger.asked).toEqual([]);
  }, 60_000);
});
