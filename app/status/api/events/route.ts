import { statusEventsRoute } from '../../../../lib/server/status/status-route.ts';

const handle = statusEventsRoute();

export {
  handle as DELETE,
  handle as GET,
  handle as HEAD,
  handle as OPTIONS,
  handle as PATCH,
  handle as POST,
  handle as PUT,
};
