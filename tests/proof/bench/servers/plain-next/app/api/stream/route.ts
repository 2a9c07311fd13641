/* What people write: a route whose streams are a set of controllers, to each of which every event is enqueued. */

const readers = new Set<ReadableStreamDefaultController<Uint8Array>>();
const encoder = new TextEncoder();

function broadcast(events: readonly unknown[]): void {
  for (const event of events) {
    const frame = encoder.encode(`data: ${JSON.stringify(event)}\n\n`);
    for (const reader of readers) reader.enqueue(frame);
  }
}

Object.assign(globalThis, { [Symbol.for('bench.broadcast')]: broadcast });

export function GET(request: Request): Response {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode(': hello\n\n'));
      readers.add(controller);
      request.signal.addEventListener('abort', () => readers.delete(controller));
    },
  });
  return new Response(body, {
    headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' },
  });
}

export async function POST(request: Request): Promise<Response> {
  broadcast(await request.json());
  return Response.json({ ok: true }, { status: 201 });
}
