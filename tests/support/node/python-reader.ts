import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ForeignReader } from './foreign-reader.ts';

const script = fileURLToPath(new URL('python-reader.py', import.meta.url));

/** Python's `urllib`, resumed by a script. */
export function startPython(address: string): ForeignReader {
  const heard: unknown[] = [];
  const python = spawn('python3', [script, address], { stdio: ['ignore', 'pipe', 'inherit'] });
  createInterface(python.stdout).on('line', (line) => heard.push(JSON.parse(line)));
  const ended = new Promise<void>((resolve, reject) => {
    python.once('error', reject).once('close', () => resolve());
  });
  return {
    heard: () => heard,
    async [Symbol.asyncDispose]() {
      python.kill('SIGKILL');
      await ended;
    },
  };
}
