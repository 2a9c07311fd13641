import { healthRoute } from '../../../lib/server/http/health-route.ts';

// No answer is made ahead of its request; said so, the framework hands requests over as they are, unwatched.
export const dynamic = 'force-dynamic';

const handle = healthRoute();

export {
  handle as DELETE,
  handle as GET,
  handle as HEAD,
  handle as OPTIONS,
  handle as PATCH,
  handle as POST,
  handle as PUT,
};
