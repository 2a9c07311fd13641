import { streamRoute } from '../../../lib/server/http/stream-route.ts';

// In seconds. It must be a literal, because Next reads it from the source text. `vercel.json` has the same value.
export const maxDuration = 300;

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
