import { buildArtifact } from './deployed-artifact.ts';
import { type Platform, type PlatformOptions, startPlatform } from './platform.ts';
import { type RedisStand, startRedisStand } from './redis-stand.ts';
import { secrets } from './secrets.ts';

/** This checkout, built and served as the platform would, and its Redis. Ends with the scope that holds it by `await using`. */
export type Deployment = Platform & { readonly stand: RedisStand };

/** Deploys this checkout on a Redis of its own; its publish token is the suite's. */
export async function startDeployment(options: PlatformOptions = {}): Promise<Deployment> {
  const artifact = await buildArtifact();
  const stand = await startRedisStand();
  const env = { ...stand.env, PUBLISH_TOKEN: secrets.publishToken, ...options.env };
  const platform = await startPlatform(artifact, { ...options, env });
  return {
    ...platform,
    stand,
    async [Symbol.asyncDispose]() {
      try {
        await platform[Symbol.asyncDispose]();
      } finally {
        await stand[Symbol.asyncDispose]();
      }
    },
  };
}
