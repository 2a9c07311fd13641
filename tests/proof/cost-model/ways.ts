import { peer } from './peer-way.ts';
import { plainPolls, sharedPolls } from './polls-way.ts';
import { streams } from './streams-way.ts';
import type { Way } from './way.ts';

/** All ways, as they stand in tables. */
export const ways: readonly Way[] = [streams, sharedPolls, peer, plainPolls];
