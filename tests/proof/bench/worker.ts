import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A helper process of the benchmark, which executes orders. Ends with the scope that holds it by `using`. */
export type Worker<Order, Result> = Disposable & {
  /** @throws Error if the order fails or takes more than 300 s. */
  tell(order: Order): Promise<Result>;
};

type Answer<Result> = { readonly result: Result } | { readonly error: string };

const patienceMs = 300_000;

/**
 * Starts a file of this folder as a process. The file must call `obeyOrders`. It takes one order at a time.
 * @param name the name for error messages.
 */
export function startWorker<Order extends { readonly kind: string }, Result>(
  file: string,
  name: string,
  args: readonly string[] = [],
): Worker<Order, Result> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args);
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  return {
    tell(order) {
      const { promise, resolve, reject } = Promise.withResolvers<Result>();
      const fail = (reason: string) => reject(new Error(`${name}, ${order.kind}: ${reason}`));
      const timer = setTimeout(() => fail('no result within 300 s'), patienceMs);
      const ended = () => fail('the process has ended');
      child.once('exit', ended);
      child.once('message', (answer: Answer<Result>) => {
        clearTimeout(timer);
        child.off('exit', ended);
        if ('result' in answer) resolve(answer.result);
        else fail(answer.error);
      });
      child.send(order);
      return promise;
    },
    [Symbol.dispose]() {
      process.off('exit', kill);
      kill();
    },
  };
}

/** Executes orders and sends their results. The file of a worker calls this. The process ends with the benchmark. */
export function obeyOrders<Order, Result>(obey: (order: Order) => Promise<Result>): void {
  process.on('disconnect', () => process.exit());
  process.on('message', async (order: Order) => {
    try {
      process.send?.({ result: await obey(order) });
    } catch (cause) {
      process.send?.({ error: cause instanceof Error ? cause.message : String(cause) });
    }
  });
}
