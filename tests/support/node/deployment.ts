import { beforeAll } from 'vitest';
import { type Artifact, buildArtifact } from './deployed-artifact.ts';
import { type Platform, type PlatformOptions, startPlatform } from './platform.ts';
import { type RedisStand, startRedisStand } from './redis-stand.ts';
import { secrets } from './secrets.ts';

/** This checkout with a Redis, built and served as on the platform. It ends with its scope (`await using`). */
export type Deployment = Platform & { readonly stand: RedisStand };

/** The platform's build of this checkout. A test file makes it once, before its tests. */
export let artifact: Artifact;
beforeAll(async () => {
  artifact = await buildArtifact();
});

/**
 * Deploys this checkout with its own Redis and the publish token of the suite. When it returns, one process for streams
 * and events accepts requests.
 */
export async function startDeployment(options: PlatformOptions = {}): Promise<Deployment> {
  const stand = await startRedisStand();
  const env = { ...stand.env, PUBLISH_TOKEN: secrets.publishToken, ...options.env };
  const platform = await startPlatform(artifact, { ...options, env });
  const end = async () => {
    try {
      await platform[Symbol.asyncDispose]();
    } finally {
      await stand[Symbol.asyncDispose]();
    }
  };
  try {
    await platform.pool('api/stream').warm();
    return { ...platform, stand, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}
