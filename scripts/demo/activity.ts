import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { wait } from '../../lib/core/clock.ts';
import { type Sender, sendBatch } from '../push/push-events.ts';
import { makePushEvent, type PushEvent } from '../push/push-input.ts';
import { commitsChannel } from './demo-app.ts';
import { type Look, publishHost } from './hosts.ts';
import { type DemoEvent, type DemoPublish, publishJobs } from './job.ts';

const run = promisify(execFile);

/** How often the demo looks for processes that have started or ended, in ms. */
const processesEveryMs = 2_000;
/** Most processes of one look that are published: a build starts hundreds. */
const maxChanges = 5;

const commitEveryMs = 5_000;
const maxCommits = 200;

/**
 * Publishes what happens besides the load of the machine, until the sender's signal aborts: processes that start and end, the
 * values of this machine and of the demo's processes, a job that ends, and, one after the other, the commits of this repository. What
 * a machine lacks (`ps`, `git`) is left out.
 * @param look measures this machine.
 * @returns why publishing failed; null when the signal stopped it.
 */
export async function publishActivity(
  root: string,
  sender: Sender,
  look: () => Promise<Look>,
): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  if (sender.signal.aborted) resolve(null);
  sender.signal.addEventListener('abort', () => resolve(null), { once: true });
  const stopOnFailure = (failure: string | null) => failure !== null && resolve(failure);
  void publishProcesses(sender, listProcesses).then(stopOnFailure);
  void publishCommits(sender, await listCommits(root)).then(stopOnFailure);
  void publishHost(look, createPublish(sender), sender).then(stopOnFailure);
  void publishJobs(root, createPublish(sender), sender).then(stopOnFailure);
  return promise;
}

/** Names of processes by their id. */
export type Processes = ReadonlyMap<number, string>;

/** @param list returns the processes that run now; null: this machine cannot tell. */
export async function publishProcesses(
  sender: Sender,
  list: () => Promise<Processes | null>,
): Promise<string | null> {
  const { clock, signal } = sender;
  const publish = createPublish(sender);
  let before = await list();
  while (before !== null && !signal.aborted) {
    await wait(clock, processesEveryMs, signal);
    const now = await list();
    if (now === null) return null;
    const failure = await publish(processChanges(before, now));
    if (failure !== null) return signal.aborted ? null : failure;
    before = now;
  }
  return null;
}

/** What started and ended between two looks. */
export function processChanges(before: Processes, now: Processes): readonly DemoEvent[] {
  const changes = (from: Processes, to: Processes, state: 'started' | 'ended') =>
    [...to].flatMap(([pid, name]) =>
      from.get(pid) === name ? [] : [{ channel: 'feed', type: 'process', data: { name, pid, state } }],
    );
  return [...changes(before, now, 'started'), ...changes(now, before, 'ended')].slice(0, maxChanges);
}

async function listProcesses(): Promise<Processes | null> {
  try {
    const { stdout } = await run('ps', ['-eo', 'pid=,ppid=,args='], { timeout: 5_000 });
    const found = stdout.split('\n').map((line) => /^\s*(\d+)\s+(\d+)\s+(\S+)/.exec(line) ?? []);
    // The look itself is a process too. Linux starts its own threads from process 2, and puts a process that has ended in
    // brackets. Arguments may hold secrets.
    return new Map(
      found.flatMap(([, pid, parent, program = '']) => {
        const name = basename(program);
        return name === 'ps' || !/^\w/.test(name) || parent === '2' ? [] : [[Number(pid), name]];
      }),
    );
  } catch {
    return null;
  }
}

/** A commit: its short name, its subject and its author. */
export type Commit = { readonly commit: string; readonly text: string; readonly author: string };

async function publishCommits(sender: Sender, commits: readonly Commit[]): Promise<string | null> {
  const { clock, signal } = sender;
  const publish = createPublish(sender);
  for (const data of commits) {
    if (signal.aborted) return null;
    const failure = await publish([{ channel: commitsChannel, type: 'commit', data }]);
    if (failure !== null) return signal.aborted ? null : failure;
    await wait(clock, commitEveryMs, signal);
  }
  return null;
}

/** The last commits of the repository, the oldest first; none where there is no repository. */
async function listCommits(root: string): Promise<readonly Commit[]> {
  try {
    const { stdout } = await run(
      'git',
      ['-C', root, 'log', '-n', String(maxCommits), '--reverse', '--format=%h%x09%an%x09%s'],
      { timeout: 5_000 },
    );
    return stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => {
        const [commit = '', author = '', ...subject] = line.split('\t');
        return { commit, text: subject.join('\t').slice(0, 500), author };
      });
  } catch {
    return [];
  }
}

/** @returns a function that publishes a list of events at once. */
export function createPublish(sender: Sender): DemoPublish {
  const prefix = randomBytes(9).toString('base64url');
  let number = 0;
  return async (events) => {
    const [first, ...rest] = events.map((event) => makePushEvent(event, null, event.type));
    if (first === undefined) return null;
    number += 1;
    const batch: readonly [PushEvent, ...PushEvent[]] = [first, ...rest];
    const sent = await sendBatch(batch, `${prefix}-${number}`, sender);
    return sent.kind === 'failed' ? sent.reason : null;
  };
}
