import { beforeAll } from 'vitest';
import { type Artifact, buildArtifact } from './deployed-artifact.ts';
import { type Platform, type PlatformOptions, startPlatform } from './platform.ts';
import { type RedisStand, startRedisStand } from './redis-stand.ts';
import { secrets } from './secrets.ts';

/** This checkout, built and served as the platform would, and its Redis. Ends with the scope that holds it by `await using`. */
export type Deployment = Platform & { readonly stand: RedisStand };

/** This checkout as the platform builds it: made once, ahead of a file's tests. */
export let artifact: Artifact;
beforeAll(async () => {
  artifact = await buildArtifact();
});

/** Deploys this checkout on a Redis of its own; its publish token is the suite's. A process for streams and events is up. */
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
