import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { streamRoute } from '../../lib/server/http/stream-route.ts';
import { getRuntime } from '../../lib/server/runtime.ts';

const printed = vi.spyOn(console, 'error').mockImplementation(() => undefined);
beforeEach(() => {
  vi.stubEnv('FEED_DB', ':memory:');
  vi.stubEnv('NODE_ENV', 'development');
});
afterEach(() => {
  vi.unstubAllEnvs();
  printed.mockClear();
});

test('in development a changed setting takes effect at the next request, and streams move over', async () => {
  const before = getRuntime();
  expect(getRuntime()).toBe(before);
  const stream = await streamRoute(300)(new Request('http://feed.test/api/stream'));
  const reader = stream.body?.getReader();
  await reader?.read();
  expect(before.streams.size).toBe(1);

  vi.stubEnv('PUBLISH_TOKEN', 'new');
  const after = getRuntime();

  expect(after).not.toBe(before);
  expect(after.settings.publishToken).toBe('new');
  expect(getRuntime()).toBe(after);
  expect(before.stopping.signal.aborted).toBe(true);
  const next = await reader?.read();
  expect(new TextDecoder().decode(next?.value)).toContain('event: handover\ndata: {"reason":"stopping"');
  expect(printed).toHaveBeenCalledOnce();
  await reader?.cancel();
});

test('in development a changed setting ends open streams, also if nobody sends a request', async () => {
  vi.stubEnv('READ_TOKEN_SECRET', '');
  const before = getRuntime();
  const stream = await streamRoute(300)(new Request('http://feed.test/api/stream?channel=order.7'));
  const reader = stream.body?.getReader();
  await reader?.read();

  vi.stubEnv('READ_TOKEN_SECRET', 'a-secret-of-thirty-two-characters');
  await vi.waitFor(() => expect(before.stopping.signal.aborted).toBe(true), 15_000);
  const next = await reader?.read();
  expect(new TextDecoder().decode(next?.value)).toContain('event: handover\ndata: {"reason":"stopping"');
  const again = await streamRoute(300)(new Request('http://feed.test/api/stream?channel=order.7'));
  expect(again.status).toBe(401);
  await reader?.cancel();
});

test('in development an invalid setting is reported until it is valid again', () => {
  const before = getRuntime();

  vi.stubEnv('POLL_MODE', 'medium');
  expect(getRuntime).toThrow(/^POLL_MODE /);
  expect(before.stopping.signal.aborted).toBe(false);

  vi.stubEnv('POLL_MODE', '');
  expect(getRuntime()).toBe(before);
});

test('in production the settings of the first request stay', () => {
  vi.stubEnv('NODE_ENV', 'production');
  const before = getRuntime();

  vi.stubEnv('HEARTBEAT_SECONDS', '7');

  expect(getRuntime()).toBe(before);
});
