import { healthRoute } from '../../../lib/server/http/health-route.ts';

// With this, Next passes each request on as it is. Otherwise it wraps the request, to find out whether the response can
// be prerendered.
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
