import { handle, Realtime } from '@upstash/realtime';
import { Redis } from '@upstash/redis';
import { z } from 'zod';

/* `@upstash/realtime` as its README sets it up; publishing is a route of the same app. */

export const dynamic = 'force-dynamic';
export const maxDuration = 300;

/** The limit on one request, in seconds; the route's where it is not set. */
const maxDurationSecs = Number(process.env.REALTIME_MAX_SECONDS) || maxDuration;

const realtime = new Realtime({ schema: { message: z.string() }, redis: Redis.fromEnv(), maxDurationSecs });

export const GET = handle({ realtime });

/* One after the other: emitted together, events would be announced in an order of chance. */
export async function POST(request: Request): Promise<Response> {
  for (const { data } of await request.json()) await realtime.emit('message', data);
  return Response.json({ ok: true }, { status: 201 });
}
