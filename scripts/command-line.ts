import { createRequire } from 'node:module';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { FeedError } from '../lib/core/feed-error.ts';
import { escapeControlCharacters, excerpt } from '../lib/core/safe-text.ts';

/** The part of `@next/env` that is used here. Only Next depends on that package, so its types may be out of reach. */
type EnvironmentLoader = {
  loadEnvConfig(
    folder: string,
    isDevelopment: boolean,
    log: Pick<Console, 'info' | 'error'>,
    isForced: boolean,
  ): unknown;
  resetEnv(): void;
};

/** Whether PORT is in the environment of the command. If not, an .env file can have it. */
const isPortGiven = Boolean(process.env.PORT);

/**
 * Loads the app's settings from `.env.local` and the other files into the environment, by Next's own loader: as `next start`
 * reads them if NODE_ENV is `production`, else as `next dev` does. A variable that is set already keeps its value.
 */
export function loadEnvironment(): void {
  const log = { info: () => undefined, error: console.error };
  // Forced: after `resetEnv` the loader would not load the files again.
  environmentLoader().loadEnvConfig(process.cwd(), process.env.NODE_ENV !== 'production', log, true);
}

function environmentLoader(): EnvironmentLoader {
  const { resolve } = createRequire(import.meta.url);
  const requireAsNext = createRequire(resolve('next/package.json'));
  return requireAsNext('@next/env') as EnvironmentLoader;
}

const defaultPort = 3_000;

/**
 * The port in PORT, from the environment or an .env file; without one, 3000. It leaves the environment as it is: the app
 * that a command starts reads the files by itself.
 * @param min 0 if the command can choose a free port. @throws FeedError `bad-request`
 */
export function readPort(min: 0 | 1): number {
  return portIn(readSetting('PORT') ?? undefined, min);
}

/** A setting from the environment or an .env file; null: not set. It leaves the environment as it is. */
export function readSetting(name: string): string | null {
  loadEnvironment();
  const value = process.env[name];
  environmentLoader().resetEnv();
  return value || null;
}

function portIn(text: string | undefined, min: 0 | 1): number {
  return text ? readWholeNumber('PORT', text, min, 65_535) : defaultPort;
}

/** The address of the app that a command talks to. */
export type AppAddress = {
  readonly url: string;
  /** Whether the user has named it, by --url. */
  readonly isGiven: boolean;
  /** What to do if nobody answers there. */
  readonly advice: string;
};

/**
 * The app's address: the one given, else the port in PORT on this machine, else port 3000. Call it after
 * `loadEnvironment`.
 * @throws FeedError `bad-request` if PORT is no port.
 */
export function readAppAddress(given: string | undefined): AppAddress {
  const isThere = 'Is the app running there?';
  if (given !== undefined) return { url: given, isGiven: true, advice: isThere };
  const { PORT } = process.env;
  const url = `http://localhost:${portIn(PORT, 1)}`;
  if (!PORT)
    return {
      url,
      isGiven: false,
      advice: `${isThere} It is the default address; PORT or --url names another one.`,
    };
  const from = isPortGiven ? '' : ' in an .env file';
  const next = isPortGiven ? '' : ` Next.js reads PORT from the environment only: PORT=${PORT} npm run dev.`;
  return {
    url,
    isGiven: false,
    advice: `${isThere} PORT=${PORT}${from} names this address; --url names another one.${next}`,
  };
}

/**
 * The arguments of this command. pnpm and Yarn 2 pass on the `--` of `pnpm run push -- hello`, which the others drop.
 * @param env the environment, in which a package manager names itself.
 */
export function commandArguments(
  argv: readonly string[] = process.argv,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string[] {
  const [, , ...args] = argv;
  const isPassedOn = /^(pnpm\/|yarn\/(?!1\.))/.test(env.npm_config_user_agent ?? '');
  return isPassedOn && args[0] === '--' ? args.slice(1) : args;
}

/** Parses a command's options with Node's `parseArgs`. @throws FeedError `bad-request`, naming the wrong option. */
export function parseOptions<const T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs({ ...config, args: commandArguments() } as T);
  } catch (cause) {
    // Node adds a hint about arguments that begin with "-". It hides the reason.
    const [reason = ''] = messageOf(cause).split('. To specify a positional');
    throw new FeedError('bad-request', `${reason}. Use --help to see the options.`, { cause });
  }
}

/** Reads an option that is a whole number. @throws FeedError `bad-request`, naming the option and its range. */
export function readWholeNumber(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new FeedError(
    'bad-request',
    `${option}: "${excerpt(text)}" is not a whole number from ${min} to ${max}.`,
  );
}

/** Reads an option that is one of a few words. @throws FeedError `bad-request`, naming the option and the words. */
export function readChoice<T extends string>(option: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  throw new FeedError('bad-request', `${option}: "${excerpt(text)}" is not one of: ${choices.join(', ')}.`);
}

/** Why a request got no answer. */
export type NetworkFailure = {
  /** The code of Node or of the system, such as ECONNREFUSED; the message of an error without one. */
  readonly code: string;
  /** All but `other`: the connection was never made, so the server got nothing. */
  readonly kind: 'certificate' | 'no-tls' | 'refused' | 'unknown-host' | 'connect-timeout' | 'other';
  /** What it means, and what to do, in whole sentences; empty for an unknown code. */
  readonly advice: string;
};

const failureKinds: Readonly<Record<string, NetworkFailure['kind']>> = {
  ECONNREFUSED: 'refused',
  ENOTFOUND: 'unknown-host',
  EAI_AGAIN: 'unknown-host',
  UND_ERR_CONNECT_TIMEOUT: 'connect-timeout',
  ERR_SSL_WRONG_VERSION_NUMBER: 'no-tls',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'no-tls',
};

/** The codes of a certificate that is not accepted: OpenSSL's and Node's own (https://nodejs.org/api/tls.html#x509-certificate-error-codes). */
const certificateCode =
  /^(?:CERT_|CRL_|ERR_TLS_CERT_|ERROR_IN_CERT_|ERROR_IN_CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_(?:CA|PURPOSE)|PATH_LENGTH_|HOSTNAME_MISMATCH)/;

const failureAdvice: Readonly<Record<NetworkFailure['kind'], string>> = {
  certificate:
    'The certificate is not accepted: check its name, its end and its chain. If an authority of your own has signed it, set NODE_EXTRA_CA_CERTS to the file of that authority.',
  'no-tls': 'The port does not speak HTTPS: check http:// or https:// in the address.',
  refused: 'No program listens at that port.',
  'unknown-host': 'The name of the host is not known: check the address, and DNS.',
  'connect-timeout': 'The host does not accept the connection: check the address, and the firewall.',
  other: '',
};

/** Explains the error of a `fetch` that got no answer. */
export function explainNetworkError(cause: unknown): NetworkFailure {
  const code = codeOf(cause);
  const kind = certificateCode.test(code) ? 'certificate' : (failureKinds[code] ?? 'other');
  return { code, kind, advice: failureAdvice[kind] };
}

/** The code of a network error, such as ECONNREFUSED; its message when it has none. */
function codeOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const inner = cause.cause instanceof Error ? cause.cause : cause;
  return 'code' in inner ? String(inner.code) : inner.message;
}

/** Prints to stderr why a command failed: `push: …`. Escapes what a server or a file could send to the terminal. */
export function printFailure(command: string, cause: unknown): void {
  const lines = messageOf(cause).split('\n').map(escapeControlCharacters);
  process.stderr.write(`${command}: ${lines.join('\n')}\n`);
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
