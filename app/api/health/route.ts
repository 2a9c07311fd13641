import { healthRoute } from '../../../lib/server/http/health-route.ts';

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
