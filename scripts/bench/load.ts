import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { LoadOrder, LoadResult } from './load-orders.ts';

/** The load client, as its orders are given. Ends with the scope that holds it by `using`. */
export type Load = Disposable & {
  /** @throws Error when an answer is not what it should be, or nothing comes of it within 120 s. */
  tell(order: LoadOrder): Promise<LoadResult>;
};

const patienceMs = 120_000;

export function startLoad(): Load {
  const child = fork(fileURLToPath(new URL('load-client.ts', import.meta.url)));
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  return {
    tell(order) {
      const { promise, resolve, reject } = Promise.withResolvers<LoadResult>();
      const timer = setTimeout(() => reject(new Error(`${order.kind}: not within 120 s`)), patienceMs);
      child.once('message', (answer: { readonly result?: LoadResult; readonly error?: string }) => {
        clearTimeout(timer);
        if (answer.result !== undefined) resolve(answer.result);
        else reject(new Error(`${order.kind}: ${answer.error}`));
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
