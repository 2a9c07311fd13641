import { buildOnce } from '../../../scripts/build-app.ts';
import { appFolder, root } from '../root.ts';

/** Runs once before the suite: all processes start from one fresh build. A run that names another app builds that app itself. */
export async function setup(): Promise<void> {
  if (appFolder === root) await buildOnce();
}
