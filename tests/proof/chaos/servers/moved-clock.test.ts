import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeTemporaryFolder } from '../../../support/temporary-folder.ts';

const preload = new URL('moved-clock.ts', import.meta.url).href;
const hourMs = 3_600_000;

describe('a process with a wrong clock', () => {
  let folder: ReturnType<typeof makeTemporaryFolder>;
  beforeEach(() => {
    folder = makeTemporaryFolder();
  });
  afterEach(() => folder[Symbol.dispose]());

  /** What a program prints as JSON; `file` is where it finds how far its clock is off. */
  function run(program: string, offMs: number) {
    const file = join(folder.path, 'clock');
    writeFileSync(file, String(offMs));
    const env = { ...process.env, CHAOS_CLOCK: file };
    const { stdout } = spawnSync(process.execPath, ['--import', preload, '-e', program], { env });
    return JSON.parse(String(stdout));
  }

  test('is wrong in every way to ask for the time, and in nothing else', () => {
    const program = `console.log(JSON.stringify([Date.now(), +new Date(), Date.parse(Date()), +new Date(7),
      Date.UTC(2020), new Date() instanceof Date]))`;
    const [now, made, said, ...rest] = run(program, -hourMs);
    for (const time of [now, made, said]) expect(Math.abs(time - (Date.now() - hourMs))).toBeLessThan(20_000);
    expect(rest).toEqual([7, Date.UTC(2020), true]);
  });

  test('moves again when the file changes, while timers and performance.now() do not', () => {
    const program = `const [time, elapsed] = [Date.now(), performance.now()];
      require('node:fs').writeFileSync(process.env.CHAOS_CLOCK, '${hourMs}');
      setTimeout(() => console.log(JSON.stringify([Date.now() - time, performance.now() - elapsed])), 400)`;
    const [moved, elapsed] = run(program, 0);
    expect(moved).toBeGreaterThanOrEqual(hourMs + 399);
    expect(elapsed).toBeLessThan(20_000);
  });
});
