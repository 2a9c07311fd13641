import { apacheBoxes } from './boxes/apache.ts';
import { cuttingBoxes } from './boxes/cutting.ts';
import { haproxyBoxes } from './boxes/haproxy.ts';
import { holdingBoxes } from './boxes/holding.ts';
import { startHttpBox } from './boxes/http-box.ts';
import { meddlingBoxes } from './boxes/meddling.ts';
import { nginxBoxes } from './boxes/nginx.ts';
import { squidBoxes } from './boxes/squid.ts';
import { varnishBoxes } from './boxes/varnish.ts';
import { type Middlebox, promise } from './middlebox.ts';

/** A proxy that does all right: what a row of it shows is the harness itself. */
export const honestBox: Middlebox = {
  name: 'honest',
  title: 'passes everything on at once',
  program: null,
  due: promise,
  start: (target) => startHttpBox(target, {}),
};

/** All middleboxes. */
export const middleboxes: readonly Middlebox[] = [
  honestBox,
  ...holdingBoxes,
  ...cuttingBoxes,
  ...meddlingBoxes,
  ...nginxBoxes,
  ...haproxyBoxes,
  ...varnishBoxes,
  ...squidBoxes,
  ...apacheBoxes,
];
