import { statusSessionRoute } from '../../../lib/server/status/status-route.ts';

const handle = statusSessionRoute();

export {
  handle as DELETE,
  handle as GET,
  handle as HEAD,
  handle as OPTIONS,
  handle as PATCH,
  handle as POST,
  handle as PUT,
};
