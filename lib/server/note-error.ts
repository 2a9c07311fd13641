import { inspect } from 'node:util';
import type { Settings } from '../config/settings.ts';
import { harmless } from '../core/safe-text.ts';
import { findRuntime } from './runtime.ts';

/** A JWT, and what a header or a query calls a token. */
const token = /\beyJ[\w-]+\.[\w-]*\.[\w-]*|(?<=\bBearer +)\S+|(?<=[?&]token=)[^&\s'"]+/gi;

/**
 * Writes to the server's own log what nobody foresaw. Whoever made the error's text, it is one entry: its later lines
 * are indented, controls are escaped, tokens and the settings that are secret left out.
 */
export function noteError(error: unknown): void {
  const settings = findRuntime()?.settings ?? null;
  console.error(`steadfeed: unexpected error ${entryOf(inspect(error), settings)}`);
}

function entryOf(text: string, settings: Settings | null): string {
  let entry = text;
  for (const secret of secretsOf(settings)) {
    // Inside of an object it is written with quotes and escapes.
    for (const written of [secret, inspect(secret).slice(1, -1), JSON.stringify(secret).slice(1, -1)]) {
      entry = entry.replaceAll(written, '[secret]');
    }
  }
  return entry.replace(token, '[token]').split('\n').map(harmless).join('\n    ');
}

function secretsOf(settings: Settings | null): readonly string[] {
  if (settings === null) return [];
  const { redis, publishToken, previousPublishToken, readTokenSecret } = settings;
  const secrets = [redis?.token, redis?.url, publishToken, previousPublishToken, readTokenSecret];
  return secrets.filter((secret) => typeof secret === 'string');
}
