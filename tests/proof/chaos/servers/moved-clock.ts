import { readFileSync } from 'node:fs';

/*
 * Loaded before the app. It makes the clock wrong by the number of ms in the file CHAOS_CLOCK, which may change at any
 * time. `performance.now()` and timers stay right, as they do when somebody sets the clock of a machine.
 */

const everyMs = 100;
const file = process.env.CHAOS_CLOCK ?? '';
const RealDate = Date;
let offMs = 0;

function read(): void {
  try {
    offMs = Number(readFileSync(file, 'utf8')) || 0;
  } catch {
    // The file is being written, or the run has ended: keep the last value.
  }
}

if (file !== '') {
  read();
  setInterval(read, everyMs).unref();
  globalThis.Date = new Proxy(RealDate, {
    apply: () => new RealDate(RealDate.now() + offMs).toString(),
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [RealDate.now() + offMs] : args, newTarget),
    get: (target, name, receiver) =>
      name === 'now' ? () => RealDate.now() + offMs : Reflect.get(target, name, receiver),
  });
}
