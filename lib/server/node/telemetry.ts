import {
  type Attributes,
  type Context,
  type Link,
  metrics as metricsApi,
  type ObservableResult,
  type SpanContext,
  type SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import {
  ParentBasedSampler,
  type Sampler,
  SamplingDecision,
  type SamplingResult,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import { registerOTel } from '@vercel/otel';
import { FeedError } from '../../core/feed-error.ts';
import { compareEventIds, type EventId } from '../../core/ids.ts';
import { version } from '../../core/sse-frames.ts';
import type { Counter, CounterSet, Histogram } from '../metrics.ts';
import { findRuntime, type Runtime } from '../runtime.ts';
import { setTracer, type Tracer } from '../tracer.ts';

/*
 * OpenTelemetry. `process.ts` loads this file only where the environment names a collector, so that other processes load none
 * of its packages.
 */

const scope = 'steadfeed';

/** Starts to send spans and metrics to the collector that the environment names. */
export function startTelemetry(): void {
  // The fetches of the framework are commands of Redis, and one of them lasts as long as a subscription.
  process.env.NEXT_OTEL_FETCH_DISABLED ??= '1';
  // A collector of the platform takes spans alone.
  const reader = process.env.OTEL_EXPORTER_OTLP_ENDPOINT
    ? new PeriodicExportingMetricReader({
        exporter: new OTLPMetricExporter(),
        exportIntervalMillis: Number(process.env.OTEL_METRIC_EXPORT_INTERVAL) || 60_000,
      })
    : null;
  registerOTel({
    serviceName: 'steadfeed',
    instrumentations: [],
    traceSampler: createSampler(Number(process.env.OTEL_TRACES_SAMPLER_ARG || 1)),
    ...(reader !== null && { metricReaders: [reader] }),
  });
  setTracer(createTracer());
  if (reader === null) return;
  observe();
  // The numbers of the last seconds.
  process.once('SIGTERM', () => void reader.forceFlush().catch(() => undefined));
}

/**
 * Samples a share of the traces, but never the request of a stream: its span would stay open for as long as the stream, and
 * hold what the framework knows about the request.
 */
export function createSampler(share: number): Sampler {
  const inner = new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(share) });
  return {
    shouldSample(
      context: Context,
      traceId: string,
      name: string,
      kind: SpanKind,
      attributes: Attributes,
      links: Link[],
    ): SamplingResult {
      const [path = ''] = String(attributes['http.target'] ?? '').split('?');
      if (/\/api\/stream\/?$/.test(path)) return { decision: SamplingDecision.NOT_RECORD };
      return inner.shouldSample(context, traceId, name, kind, attributes, links);
    },
    toString: () => `streams never, others ${share}`,
  };
}

/** Most publishes that wait for their delivery; without a reader in this process they would wait for ever. */
const maxWaiting = 1_000;

type Waiting = { readonly channel: string; readonly last: EventId; readonly context: SpanContext };

/** Creates the tracer. What it remembers of a publish stays in this process: other processes deliver without a span. */
export function createTracer(): Tracer {
  const spans = trace.getTracer(scope, version);
  /** The oldest first. */
  const waiting = new Set<Waiting>();
  /** How far the channels were delivered. An announcement can come before the answer of the append that caused it. */
  const delivered = new Map<string, { readonly end: EventId; readonly readers: number }>();

  function remember(
    events: readonly { readonly channel: string }[],
    ids: readonly EventId[],
    context: SpanContext,
  ): void {
    const lasts = new Map<string, EventId>();
    for (const [at, { channel }] of events.entries()) {
      const id = ids[at];
      if (id !== undefined) lasts.set(channel, id);
    }
    for (const [channel, last] of lasts) {
      const before = delivered.get(channel);
      if (before !== undefined && compareEventIds(last, before.end) <= 0)
        deliver([{ channel, last, context }], before.readers);
      else waiting.add({ channel, last, context });
    }
    for (const oldest of waiting) {
      if (waiting.size <= maxWaiting) break;
      waiting.delete(oldest);
    }
  }

  function deliver(publishes: readonly Waiting[], readers: number): void {
    const links = publishes.map(({ context }) => ({ context }));
    spans.startSpan('feed.deliver', { root: true, links, attributes: { 'feed.readers': readers } }).end();
  }

  return {
    publish: (events, append) =>
      spans.startActiveSpan('feed.publish', async (span) => {
        span.setAttribute('feed.events', events.length);
        try {
          const result = await append();
          span.setAttribute('feed.duplicate', result.duplicate);
          const context = span.spanContext();
          const isSampled = (context.traceFlags & TraceFlags.SAMPLED) !== 0;
          if (isSampled && !result.duplicate) remember(events, result.ids, context);
          return result;
        } catch (error) {
          const code = error instanceof FeedError ? error.code : 'internal-error';
          span.setStatus({ code: SpanStatusCode.ERROR, message: code });
          throw error;
        } finally {
          span.end();
        }
      }),
    delivered(channel, end, readers) {
      delivered.delete(channel);
      delivered.set(channel, { end, readers });
      const [oldest] = delivered.keys();
      if (delivered.size > maxWaiting && oldest !== undefined) delivered.delete(oldest);
      if (waiting.size === 0) return;
      const found = [...waiting].filter(
        (each) => each.channel === channel && compareEventIds(each.last, end) <= 0,
      );
      for (const each of found) waiting.delete(each);
      if (found.length > 0 && readers > 0) deliver(found, readers);
    },
  };
}

/** Lets the exporter read the numbers of the process. Before the first request there are none. */
function observe(): void {
  const meter = metricsApi.getMeter(scope, version);
  const gauge = (name: string, unit: string, read: (runtime: Runtime) => number) =>
    meter.createObservableGauge(name, { unit }).addCallback((result) => {
      const runtime = findRuntime();
      if (runtime !== null) result.observe(read(runtime));
    });
  const count = (name: string, unit: string, of: (runtime: Runtime) => Counter) =>
    meter.createObservableCounter(name, { unit }).addCallback((result) => {
      const runtime = findRuntime();
      if (runtime !== null) result.observe(of(runtime).total);
    });
  const countBy = <Key extends string>(
    name: string,
    label: string,
    of: (runtime: Runtime) => CounterSet<Key>,
  ) =>
    meter.createObservableCounter(name).addCallback((result) => {
      const runtime = findRuntime();
      if (runtime === null) return;
      const log = name === 'feed.log.commands' ? { 'feed.log.kind': runtime.log.kind } : {};
      for (const [key, { total }] of of(runtime).entries()) result.observe(total, { [label]: key, ...log });
    });
  const percentiles = (name: string, of: (runtime: Runtime) => Histogram) =>
    meter.createObservableGauge(name, { unit: 'ms' }).addCallback((result: ObservableResult) => {
      const runtime = findRuntime();
      const found = runtime === null ? null : of(runtime).percentiles(5);
      if (found === null) return;
      result.observe(found.p50, { quantile: '0.5' });
      result.observe(found.p99, { quantile: '0.99' });
    });

  gauge('feed.streams', '{stream}', ({ streams }) => streams.size);
  gauge('feed.slots', '{slot}', ({ admission }) => admission.held());
  gauge('feed.tails', '{channel}', ({ tails }) => tails.count());
  gauge('feed.memory', 'By', () => process.memoryUsage.rss());
  count('feed.streams.opened', '{stream}', ({ metrics }) => metrics.streamsOpened);
  countBy('feed.streams.ended', 'feed.reason', ({ metrics }) => metrics.streamsEnded);
  count('feed.deliveries', '{event}', ({ metrics }) => metrics.deliveries);
  count('feed.bytes', 'By', ({ metrics }) => metrics.bytes);
  count('feed.gaps', '{gap}', ({ metrics }) => metrics.gaps);
  count('feed.polls', '{poll}', ({ metrics }) => metrics.polls);
  percentiles('feed.lag', ({ metrics }) => metrics.lag);
  countBy('feed.publishes', 'feed.outcome', ({ metrics }) => metrics.publishes);
  count('feed.published', '{event}', ({ metrics }) => metrics.publishedEvents);
  countBy('feed.refusals', 'feed.code', ({ metrics }) => metrics.refusals);
  countBy('feed.log.commands', 'feed.command', ({ metrics }) => metrics.logCommands);
  count('feed.log.failures', '{command}', ({ metrics }) => metrics.logFailures);
  percentiles('feed.log.latency', ({ metrics }) => metrics.logLatency);
  count('feed.repairs', '{repair}', ({ metrics }) => metrics.repairs);
  countBy('feed.resubscriptions', 'feed.reason', ({ metrics }) => metrics.resubscriptions);
}
