import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A process of the bench's own, as it is told what to do. Ends with the scope that holds it by `using`. */
export type Worker<Order, Result> = Disposable & {
  /** @throws Error when it cannot be done, or is not within 120 s. */
  tell(order: Order): Promise<Result>;
};

type Answer<Result> = { readonly result: Result } | { readonly error: string };

const patienceMs = 120_000;

/**
 * Starts a file of this folder as a process, which obeys by `obeyOrders`. One order at a time.
 * @param name for what is said of it.
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
      const timer = setTimeout(() => fail('not done within 120 s'), patienceMs);
      const ended = () => fail('it has ended');
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

/** What a worker's file does: answers each order with what comes of it. It ends with the bench. */
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
