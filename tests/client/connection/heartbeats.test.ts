import { describe, expect, test } from 'vitest';
import { eventItem } from '../../support/client/feed-items.ts';
import { reader, streamingReader } from '../../support/client/reader.ts';

describe('the client', () => {
  test('asks for a heartbeat each 5 s', () => {
    expect(reader().stream().heartbeatMs).toBe(5_000);
  });

  test.each(['ends', 'disconnects'] as const)(
    'asks for one each 2 s after a stream that %s in silence: something may allow no more',
    (how) => {
      const it = streamingReader();
      it.passes(3_000);
      it.gets([eventItem(4)]);
      it.passes(2_000);
      it[how]();
      it.passes(500);
      expect(it.stream().heartbeatMs).toBe(2_000);
    },
  );

  test('asks for one each 2 s after a stream that fell silent', () => {
    const it = streamingReader();
    it.passes(38_500);
    expect(it.stream().heartbeatMs).toBe(2_000);
  });

  test('asks for no more after a stream that was cut while it brought bytes', () => {
    const it = streamingReader();
    it.passes(5_000);
    it.gets([eventItem(4)]);
    it.passes(1_499);
    it.disconnects();
    it.passes(500);
    expect(it.stream().heartbeatMs).toBe(5_000);
  });

  test('asks for no more after a planned end', () => {
    const it = streamingReader();
    it.passes(10_000);
    it.handover('30-3~aaaaaa');
    it.passes(3_000);
    it.ends(it.stream(0).key);
    it.goesLive();
    it.passes(2_000);
    it.handover('30-3~aaaaaa');
    expect(it.stream().heartbeatMs).toBe(5_000);
  });

  test('asks for one each 5 s again when the network is another', () => {
    const it = streamingReader();
    it.passes(5_000);
    it.disconnects();
    it.happens('offline');
    it.happens('online');
    expect(it.stream().heartbeatMs).toBe(5_000);
  });

  test('asks for what the app has set, also if that is less than 2 s', () => {
    const it = reader({ heartbeatMs: 1_000 });
    it.goesLive();
    it.passes(5_000);
    it.disconnects();
    it.passes(500);
    expect(it.stream().heartbeatMs).toBe(1_000);
  });
});
