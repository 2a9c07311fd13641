import { spawn } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findFreePort } from '../../../../scripts/free-port.ts';
import { searchPath, type Tool } from '../../../run/tools.ts';
import { makeTemporaryFolder } from '../../../support/temporary-folder.ts';
import { type Middlebox, promise, type RunningBox, type Target } from '../middlebox.ts';
import { startSwitch } from './tcp-box.ts';

/** Where a program listens, what it passes to, and the folder for its files. */
export type Place = { readonly port: number; readonly target: Target; readonly folder: string };

/** How a program is run. */
export type ProgramKind = {
  readonly program: Tool;
  /** The name of its configuration file. */
  readonly file: string;
  /** Its arguments: it stays in the foreground. */
  args(place: Place & { readonly config: string }): readonly string[];
};

/** A box that is a program with a configuration. */
export function programBox(
  kind: ProgramKind,
  {
    name,
    title,
    ...more
  }: Pick<Middlebox, 'name' | 'title' | 'countsClients' | 'why'> & Partial<Pick<Middlebox, 'due'>>,
  configure: (place: Place) => string,
): Middlebox {
  return {
    ...{ name, title, program: kind.program, due: promise, ...more },
    start: (target) => startProgram(kind, target, configure),
  };
}

/** Whether this process may choose the user of a program: programs that root starts want to run as another user. */
export const isRoot = process.getuid?.() === 0;

const readyWithinMs = 20_000;

/** Starts a program and a switch in front of it. @throws Error with its output if it does not listen. */
async function startProgram(
  { program, file, args }: ProgramKind,
  target: Target,
  configure: (place: Place) => string,
): Promise<RunningBox> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(makeTemporaryFolder());
  // Programs give up the rights of root, and read and write here as another user.
  chmodSync(folder.path, 0o777);
  const place: Place = { port: await findFreePort(0, '127.0.0.1'), target, folder: folder.path };
  const config = join(folder.path, file);
  writeFileSync(config, configure(place));
  const [command = ''] = program.commands;
  const child = spawn(command, args({ ...place, config }), {
    cwd: folder.path,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: searchPath(process.env.PATH) },
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (printed += text));
  let hasEnded = false;
  const ended = new Promise<void>((resolve) => {
    const end = () => {
      hasEnded = true;
      resolve();
    };
    child.once('error', (error) => {
      printed += error.message;
      end();
    });
    child.once('close', end);
  });
  // Programs of several processes end their own on this signal.
  const stop = () => child.kill('SIGTERM');
  process.once('exit', stop);
  stack.defer(async () => {
    process.off('exit', stop);
    stop();
    const late = setTimeout(() => child.kill('SIGKILL'), 5_000);
    await ended;
    clearTimeout(late);
  });
  for (const until = performance.now() + readyWithinMs; !(await isListening(place.port)); await sleep(50)) {
    if (hasEnded || performance.now() > until)
      throw new Error(`${command} does not listen. Its configuration is in ${file}; it printed: ${printed}`);
  }
  const box = stack.use(await startSwitch(place, target));
  const started = stack.move();
  return { url: box.url, behave: box.behave, [Symbol.asyncDispose]: () => started.disposeAsync() };
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
