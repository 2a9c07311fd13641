/** Runs once before the suite: all processes start from one fresh build. */
export { buildOnce as setup } from '../../../scripts/build-app.ts';
