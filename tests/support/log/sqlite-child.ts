import { createSqliteLog } from '../../../lib/log/sqlite/sqlite-log.ts';
import { newEvents } from './log-steps.ts';

/** What the parent asks this process to do, and what the process reports. */
export type ChildOrder =
  | { readonly kind: 'append'; readonly channel: string; readonly appends: number; readonly batch: number }
  | { readonly kind: 'follow'; readonly channel: string };
export type ChildReport =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'appended'; readonly seqs: readonly number[] }
  | { readonly kind: 'followed'; readonly signal: string };

/** Opens a log on the file in the arguments, and does what the parent asks. */
function run(file: string): void {
  const report = (message: ChildReport) => process.send?.(message);
  try {
    const log = createSqliteLog({ file, retention: 10_000 });
    process.on('message', async (order: ChildOrder) => {
      if (order.kind === 'follow') {
        const { signal } = new AbortController();
        return log.follow(
          order.channel,
          (followSignal) => report({ kind: 'followed', signal: followSignal.kind }),
          signal,
        );
      }
      const seqs: number[] = [];
      for (let turn = 0; turn < order.appends; turn += 1) {
        const { ids } = await log.append({ events: newEvents(order.channel, order.batch), key: null });
        seqs.push(...ids.map((id) => id.seq));
      }
      report({ kind: 'appended', seqs });
    });
    report({ kind: 'ready' });
  } catch (error) {
    report({ kind: 'failed', message: String(error) });
    process.disconnect();
  }
}

const [file] = process.argv.slice(2);
if (file !== undefined && process.send !== undefined) run(file);
