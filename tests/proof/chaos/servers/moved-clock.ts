import { readFileSync } from 'node:fs';

/*
 * Loaded ahead of the app: its clock is off by what the file CHAOS_CLOCK says, in ms, which may change at any time.
 * `performance.now()` and timers are left alone, as they are when a machine's clock is set.
 */

const everyMs = 100;
const file = process.env.CHAOS_CLOCK ?? '';
const RealDate = Date;
let offMs = 0;

function read(): void {
  try {
    offMs = Number(readFileSync(file, 'utf8')) || 0;
  } catch {
    // It is being written, or the run is over: the last word counts.
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
