import { streamRoute } from '../../../lib/server/http/stream-route.ts';

// A literal, because the framework reads it from the text. `vercel.json` says the same.
export const maxDuration = 300;

// No answer is made ahead of its request; said so, the framework hands requests over as they are, unwatched.
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
