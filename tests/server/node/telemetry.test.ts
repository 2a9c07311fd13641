import { ROOT_CONTEXT, type Span, SpanKind, trace } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SamplingDecision,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FeedError } from '../../../lib/core/feed-error.ts';
import { createSampler, createTracer } from '../../../lib/server/node/telemetry.ts';

const exporter = new InMemorySpanExporter();

beforeAll(() => {
  const provider = new BasicTracerProvider({
    spanLimits: { linkCountLimit: 5_000 },
    spanProcessors: [new SimpleSpanProcessor(exporter)],
  });
  trace.setGlobalTracerProvider(provider);
});
beforeEach(() => exporter.reset());
afterAll(() => trace.disable());

const eventId = (seq: number) => ({ time: 1_000, seq });

/** Publishes one event, which the log stores under this number. */
const publish = (tracer: ReturnType<typeof createTracer>, seq: number, channel = 'feed', duplicate = false) =>
  tracer.publish([{ channel, type: 'message', data: '1' }], async () => ({ ids: [eventId(seq)], duplicate }));

const spansOf = (name: string) => exporter.getFinishedSpans().filter((span) => span.name === name);

describe('the tracer', () => {
  test('writes one span for a publish, and one for its delivery, which is linked to it', async () => {
    const tracer = createTracer();
    await publish(tracer, 1);
    tracer.delivered('feed', eventId(1), 3);

    const [published] = spansOf('feed.publish');
    const [delivered] = spansOf('feed.deliver');
    expect(delivered?.links.map(({ context }) => context.spanId)).toEqual([published?.spanContext().spanId]);
    expect(delivered?.attributes).toEqual({ 'feed.readers': 3 });
    expect(delivered?.parentSpanContext).toBeUndefined();
  });

  test('links the delivery too where the announcement comes before the answer of the append', async () => {
    const tracer = createTracer();
    tracer.delivered('feed', eventId(1), 2);
    await publish(tracer, 1);
    expect(spansOf('feed.deliver')).toHaveLength(1);
  });

  test.each([
    ['of a request that was stored before', 1, true, 'feed', 1],
    ['to no reader', 1, false, 'feed', 0],
    ['in another channel', 1, false, 'other', 1],
    ['of an event before it', 2, false, 'feed', 1],
  ])('writes no span for a delivery %s', async (_, seq, isDuplicate, channel, readers) => {
    const tracer = createTracer();
    await publish(tracer, seq, channel, isDuplicate);
    tracer.delivered('feed', eventId(1), readers);
    expect(spansOf('feed.deliver')).toEqual([]);
  });

  test('remembers the newest 1,000 publishes that nobody has read', async () => {
    const tracer = createTracer();
    for (let seq = 1; seq <= 1_005; seq += 1) await publish(tracer, seq);
    tracer.delivered('feed', eventId(1_005), 1);
    expect(spansOf('feed.deliver')[0]?.links).toHaveLength(1_000);
  });

  test('remembers of 1,000 channels how far they were delivered', async () => {
    const tracer = createTracer();
    for (let number = 1; number <= 1_001; number += 1) tracer.delivered(`c${number}`, eventId(1), 1);
    await publish(tracer, 1, 'c1');
    await publish(tracer, 1, 'c2');
    expect(spansOf('feed.deliver')).toHaveLength(1);
  });

  test('says of a failed append which error it was, and nothing of the driver', async () => {
    const tracer = createTracer();
    const failure = new FeedError('log-unavailable', 'ECONNREFUSED redis://:secret@10.0.0.1');
    await expect(tracer.publish([], () => Promise.reject(failure))).rejects.toBe(failure);
    const [span] = spansOf('feed.publish');
    expect(span?.status.message).toBe('log-unavailable');
    expect(JSON.stringify([span?.attributes, span?.events, span?.status])).not.toContain('secret');
  });
});

describe('the sampler', () => {
  const decide = (target: string, share = 1, traceId = '1'.repeat(32)) =>
    createSampler(share).shouldSample(
      ROOT_CONTEXT,
      traceId,
      'GET',
      SpanKind.SERVER,
      { 'http.target': target },
      [],
    ).decision;

  test.each(['/api/stream', '/api/stream?channel=a', '/base/api/stream/?after=1-1'])(
    'takes no span for a stream, which would stay open with it: %s',
    (target) => {
      expect(decide(target)).toBe(SamplingDecision.NOT_RECORD);
    },
  );

  test.each(['/api/events', '/', '/api/streams', '/?next=/api/stream'])('takes a span for %s', (target) => {
    expect(decide(target)).toBe(SamplingDecision.RECORD_AND_SAMPLED);
  });

  test('takes the share of the traces that it was given', () => {
    expect(decide('/api/events', 0)).toBe(SamplingDecision.NOT_RECORD);
    expect(decide('/api/events', 0.5, `${'0'.repeat(24)}0fffffff`)).toBe(SamplingDecision.RECORD_AND_SAMPLED);
    expect(decide('/api/events', 0.5, `${'0'.repeat(24)}efffffff`)).toBe(SamplingDecision.NOT_RECORD);
  });

  test('takes what belongs to a stream as it takes the stream', () => {
    const span: Span = trace.wrapSpanContext({
      traceId: '1'.repeat(32),
      spanId: '2'.repeat(16),
      traceFlags: 0,
    });
    const within = trace.setSpan(ROOT_CONTEXT, span);
    const { decision } = createSampler(1).shouldSample(
      within,
      '1'.repeat(32),
      'fetch',
      SpanKind.CLIENT,
      {},
      [],
    );
    expect(decision).toBe(SamplingDecision.NOT_RECORD);
  });
});
