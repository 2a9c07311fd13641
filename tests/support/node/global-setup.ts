/** Once ahead of the suite: all processes are started on one fresh build. */
export { buildOnce as setup } from '../../../scripts/build-app.ts';
