import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { listenOnFreePort } from '../../support/listen-on-free-port.ts';
import { startApp } from '../../support/node/app-process.ts';
import { eventually } from '../../support/node/eventually.ts';
import { range, store } from '../../support/node/publish.ts';
import { openSse } from '../../support/node/sse-reader.ts';

type Span = {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly attributes?: readonly {
    readonly key: string;
    readonly value: { readonly stringValue?: string };
  }[];
};

type Point = { readonly asDouble?: number; readonly asInt?: number | string };

type Metric = {
  readonly name: string;
  readonly sum?: { readonly dataPoints: readonly Point[] };
  readonly gauge?: { readonly dataPoints: readonly Point[] };
};

type Body = {
  readonly resourceSpans?: readonly { readonly scopeSpans: readonly { readonly spans: readonly Span[] }[] }[];
  readonly resourceMetrics?: readonly {
    readonly scopeMetrics: readonly { readonly metrics: readonly Metric[] }[];
  }[];
};

/** A collector that receives OTLP as JSON over HTTP. */
async function startCollector() {
  const spans: Span[] = [];
  const newest = new Map<string, number>();
  const server = createServer((request, response) => {
    void text(request).then((sent) => {
      const body = JSON.parse(sent) as Body;
      for (const { scopeSpans } of body.resourceSpans ?? []) {
        for (const scope of scopeSpans) spans.push(...scope.spans);
      }
      for (const { scopeMetrics } of body.resourceMetrics ?? []) {
        for (const metric of scopeMetrics.flatMap(({ metrics }) => metrics)) {
          const points = (metric.sum ?? metric.gauge)?.dataPoints ?? [];
          newest.set(
            metric.name,
            points.reduce((sum, { asDouble, asInt }) => sum + Number(asDouble ?? asInt), 0),
          );
        }
      }
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  const port = await listenOnFreePort(server);
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    newest,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

test('a collector gets one span for a publish, its delivery linked to it, the numbers, and no span of a stream', async () => {
  await using collector = await startCollector();
  await using app = await startApp({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_METRIC_EXPORT_INTERVAL: '500',
    OTEL_BSP_SCHEDULE_DELAY: '200',
  });
  {
    using reader = await openSse(app);
    using other = await openSse(app);
    await Promise.all([reader.frame('hello'), other.frame('hello')]);
    await store(app, range(1, 3));
    await eventually('the metrics have the deliveries', 30_000, () =>
      collector.newest.get('feed.deliveries') === 6 ? true : undefined,
    );
  }
  await eventually('the metrics have the ends of both streams', 30_000, () =>
    collector.newest.get('feed.streams.ended') === 2 ? true : undefined,
  );
  const publish = await eventually('the span of the publish arrives', 30_000, () =>
    collector.spans.find(({ name }) => name === 'feed.publish'),
  );
  const deliver = await eventually('the span of the delivery arrives', 30_000, () =>
    collector.spans.find(({ name }) => name === 'feed.deliver'),
  );

  expect(deliver.links).toMatchObject([{ traceId: publish.traceId, spanId: publish.spanId }]);
  expect(collector.spans.filter(({ name }) => name === 'feed.publish')).toHaveLength(1);
  expect(collector.spans.filter(({ name }) => name === 'feed.deliver')).toHaveLength(1);
  expect(JSON.stringify(collector.spans)).not.toContain('/api/stream');
  expect(Object.fromEntries(collector.newest)).toMatchObject({
    'feed.streams.opened': 2,
    'feed.publishes': 1,
    'feed.published': 3,
  });
  for (const name of ['feed.streams', 'feed.tails', 'feed.lag', 'feed.log.commands', 'feed.memory'])
    expect(collector.newest.has(name), name).toBe(true);
});
