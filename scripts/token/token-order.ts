import { isName } from '../../lib/core/ids.ts';

/** A token to be made. */
export type TokenOrder = {
  /** Names, or beginnings of names that end with `*`. */
  readonly channels: readonly string[];
  readonly seconds: number;
  /** The claim `sub`; null: none. */
  readonly subject: string | null;
  readonly secret: string;
};

export type TokenWords = {
  readonly channels?: readonly string[] | undefined;
  readonly ttl: string;
  readonly subject?: string | undefined;
  readonly secret?: string | undefined;
};

const unitSeconds = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;

/** Longest life of a token: nothing takes one back but a new secret. */
const maxSeconds = 366 * 86_400;

/** Reads what the command line says. @throws Error that names the part and what is allowed. */
export function readTokenOrder({ channels = [], ttl, subject, secret }: TokenWords): TokenOrder {
  const patterns = channels.flatMap((text) => text.split(',')).map((text) => text.trim());
  if (patterns.length === 0) throw new Error("--channels is needed, for example --channels 'order.*'");
  const wrong = patterns.find((pattern) => !isPattern(pattern));
  if (wrong !== undefined) {
    throw new Error(
      `--channels "${wrong}" is no channel; allowed are names, and beginnings of names with * at the end`,
    );
  }
  if (!secret)
    throw new Error('READ_TOKEN_SECRET is not set; allowed is the secret that the app has, or --secret');
  return { channels: patterns, seconds: readSeconds(ttl), subject: subject ?? null, secret };
}

function isPattern(text: string): boolean {
  return text === '*' || isName(text.replace(/\*$/, ''));
}

function readSeconds(text: string): number {
  const match = /^(\d{1,9})([smhd])$/.exec(text);
  const seconds = match === null ? 0 : Number(match[1]) * unitSeconds[match[2] as keyof typeof unitSeconds];
  if (seconds > 0 && seconds <= maxSeconds) return seconds;
  throw new Error(`--ttl "${text}" is not allowed; allowed are 90s, 15m, 1h, 30d and the like, up to 366d`);
}
