import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ForeignReader } from './foreign-reader.ts';

const script = fileURLToPath(new URL('python-reader.py', import.meta.url));

/** Python's `urllib`, in a script that resumes. */
export function startPython(address: string): ForeignReader {
  const received: unknown[] = [];
  const python = spawn('python3', [script, address], { stdio: ['ignore', 'pipe', 'inherit'] });
  createInterface(python.stdout).on('line', (line) => received.push(JSON.parse(line)));
  const ended = new Promise<void>((resolve, reject) => {
    python.once('error', reject).once('close', () => resolve());
  });
  return {
    received: () => received,
    async [Symbol.asyncDispose]() {
      python.kill('SIGKILL');
      await ended;
    },
  };
}
