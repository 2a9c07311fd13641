import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ForeignReader } from './foreign-reader.ts';

const pauseMs = 100;

/** curl in a loop. Each start sends the id of the last complete block, as a short script would. */
export function startCurl(address: string): ForeignReader {
  const received: unknown[] = [];
  let lastEventId = '';
  let end: (() => void) | null = null;
  let isOver = false;

  function acceptBlock(block: string): void {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
    const data = field('data');
    lastEventId = field('id') ?? lastEventId;
    if (data !== undefined) received.push(field('event') ?? JSON.parse(data).data);
  }

  async function read(): Promise<void> {
    const resume = lastEventId === '' ? [] : ['--header', `Last-Event-ID: ${lastEventId}`];
    const curl = spawn('curl', ['--silent', '--no-buffer', ...resume, address], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    end = () => void curl.kill('SIGKILL');
    let rest = '';
    curl.stdout.setEncoding('utf8').on('data', (text: string) => {
      const blocks = (rest + text).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) acceptBlock(block);
    });
    await new Promise((resolve, reject) => curl.once('error', reject).once('close', resolve));
  }

  async function keepReading(): Promise<void> {
    while (!isOver) {
      await read();
      if (!isOver) await sleep(pauseMs);
    }
  }
  const reading = keepReading();

  return {
    received: () => received,
    async [Symbol.asyncDispose]() {
      isOver = true;
      end?.();
      await reading;
    },
  };
}
