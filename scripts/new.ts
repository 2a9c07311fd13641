import { basename, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FeedError } from '../lib/core/feed-error.ts';
import { parseOptions, printFailure } from './command-line.ts';
import { checkName, checkTarget, makeApp } from './new/make-app.ts';

const help = `Makes a new app from this template: the app, the feed, the scripts, the documents and the unit tests. It leaves out what
only develops the template: the tests with real processes, the proofs, and the history.

  npm run new -- ../my-feed

  --name <name>   name of the package (default: the name of the folder)
  --help          show this text

The folder must be new or empty, and outside of this one. Nothing is installed, and no Git repository is made.
`;

const template = fileURLToPath(new URL('..', import.meta.url));

/** Null when the command line asks for help. @throws FeedError `bad-request` */
function readOptions() {
  const { values, positionals } = parseOptions({
    allowPositionals: true,
    options: {
      name: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  const [folder, ...others] = positionals;
  if (folder === undefined || folder === '' || others.length > 0) {
    throw new FeedError(
      'bad-request',
      'Name one folder for the new app, for example: npm run new -- ../my-feed',
    );
  }
  return { folder, name: values.name };
}

function main(): void {
  const options = readOptions();
  if (options === null) {
    process.stdout.write(help);
    return;
  }
  const { folder } = options;
  // npm runs the scripts in the folder of package.json, and says where the user is.
  const from = process.env.INIT_CWD ?? process.cwd();
  const target = resolve(from, folder);
  const name = options.name ?? basename(target);
  checkName(name, options.name === undefined ? 'folder' : '--name');
  checkTarget(template, target, folder);
  const files = makeApp(template, target, name);
  const way = relative(from, target);
  console.log(`Made ${name}: ${files} files in ${target}. Next:

  cd ${/^[\w./@-]+$/.test(way) ? way : JSON.stringify(way)}
  npm install
  npm run demo      # the live page on http://localhost:3000, with real events
  npm test          # the unit tests

Its README.md says what to change where, and what you may delete.
To keep its history: git init && git add --all && git commit -m "A new feed"`);
}

try {
  main();
} catch (cause) {
  printFailure('new', cause);
  process.exitCode = 1;
}
