import { healthRoute } from '../../../lib/server/http/health-route.ts';

// No response is made before its request. Without this line the framework wraps each request to find out.
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
