import { handle, Realtime } from '@upstash/realtime';
import { Redis } from '@upstash/redis';

/* `@upstash/realtime` as its README sets it up; publishing is a route of the same app. */

export const dynamic = 'force-dynamic';
export const maxDuration = 300;

/** The limit on one request: the one that this feed's processes are given in a run, in seconds. */
const maxDurationSecs = Number(process.env.STREAM_MAX_SECONDS) || maxDuration;

const realtime = new Realtime({ schema: {}, redis: Redis.fromEnv(), maxDurationSecs });

export const GET = handle({ realtime });

/* Acknowledged when `emit` resolves. If it throws, the answer is 500 and the publisher tries again. */
export async function POST(request: Request): Promise<Response> {
  const { channel, type, data } = await request.json();
  await realtime.channel(channel).emit(type, data);
  return Response.json({ ok: true }, { status: 201 });
}
