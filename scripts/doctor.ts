import { FeedError } from '../lib/core/feed-error.ts';
import { escapeControlCharacters } from '../lib/core/safe-text.ts';
import {
  loadEnvironment,
  parseOptions,
  printFailure,
  readAppAddress,
  readWholeNumber,
} from './command-line.ts';
import { advice } from './doctor/advice.ts';
import { examine } from './doctor/examine.ts';
import type { Finding } from './doctor/judge.ts';

const help = `Checks a deployment from outside, as its readers see it. For each problem it prints the cause, and what to change.

  npm run doctor -- https://feed.example.com

Give the address with its basePath if it has one (default: the port in PORT on this machine, from the environment or
.env.local, else http://localhost:3000). The doctor publishes about 150 small events to channels of its own
(public:doctor-…). Without the publish token it skips the checks that need events, and fails.

  --publish-token <token>  default: PUBLISH_TOKEN from the environment or .env.local, which is safer: other users of
                           this machine can see the arguments of a command
  --token <token>          a read token, if the channels public:… need one too (lib/config/public-channels.ts)
  --seconds <n>            how long to watch streams, 30 to 3600 (default: 65). To see the planned end of a stream, give
                           more than the platform's limit
  --json                   print the findings as JSON
  --help                   show this text

The table goes to stdout, progress to stderr. Results: ok; note (unusual, but the feed works); FAIL; skip (not checked).
Exit code: 0 no check failed; 1 a check failed; 2 an option is wrong.
`;

const marks = { pass: 'ok', note: 'note', fail: 'FAIL', skipped: 'skip' } as const;

function table(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const rows = findings.flatMap(({ check, verdict, found, obstacle }) => {
    const lines = obstacle === null ? [] : advice[obstacle].map((line) => `      ${line}`);
    return [`${marks[verdict].padEnd(4)}  ${check.padEnd(width)}  ${found}`, ...lines];
  });
  const failed = findings.filter(({ verdict }) => verdict === 'fail').length;
  const result =
    failed === 0 ? 'Nothing stands in the way.' : `${failed} of ${findings.length} checks failed.`;
  return [...rows, '', result].map(escapeControlCharacters).join('\n');
}

function json(findings: readonly Finding[]): string {
  const withAdvice = findings.map((finding) => ({
    ...finding,
    advice: finding.obstacle === null ? [] : advice[finding.obstacle],
  }));
  return JSON.stringify(withAdvice, null, 2);
}

async function main(): Promise<number> {
  loadEnvironment();
  const { values, positionals } = parseOptions({
    allowPositionals: true,
    options: {
      'publish-token': { type: 'string' },
      token: { type: 'string' },
      seconds: { type: 'string', default: '65' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const [given, ...more] = positionals;
  const { url } = readAppAddress(given);
  if (more.length > 0 || !/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new FeedError('bad-request', 'Give one address that begins with http:// or https://.');
  }
  const startedAt = performance.now();
  const findings = await examine({
    url,
    token: values.token ?? null,
    publishToken: values['publish-token'] ?? process.env.PUBLISH_TOKEN ?? null,
    watchMs: readWholeNumber('--seconds', values.seconds, 30, 3_600) * 1_000,
    onProgress: (text) => {
      const passed = ((performance.now() - startedAt) / 1_000).toFixed(0).padStart(3);
      process.stderr.write(`${passed} s  ${escapeControlCharacters(text)}\n`);
    },
  });
  process.stdout.write(`${values.json ? json(findings) : table(findings)}\n`);
  return findings.some(({ verdict }) => verdict === 'fail') ? 1 : 0;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (cause: unknown) => {
    printFailure('doctor', cause);
    process.exitCode = cause instanceof FeedError ? 2 : 1;
  },
);
