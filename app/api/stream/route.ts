import { streamRoute } from '../../../lib/server/http/stream-route.ts';

// A literal: the framework reads it from the source text. Keep `vercel.json` equal.
export const maxDuration = 300;

// No response is made before its request. Without this line the framework wraps each request to find out.
export const dynamic = 'force-dynamic';

const handle = streamRoute(maxDuration);

export {
  handle as DELETE,
  handle as GET,
  handle as HEAD,
  handle as OPTIONS,
  handle as PATCH,
  handle as POST,
  handle as PUT,
};
