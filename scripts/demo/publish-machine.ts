import { randomBytes } from 'node:crypto';
import { wait } from '../../lib/core/clock.ts';
import { defaultChannel } from '../../lib/core/ids.ts';
import { makePushEvent } from '../push/push-event.ts';
import { type Sender, sendBatch } from '../push/send-batch.ts';
import type { Machine, MachineSampler } from './machine-sampler.ts';

const everyMs = 1_000;

/**
 * Publishes a sample a second until the sender's signal aborts; what is published slower than that leaves samples out.
 * @param onPublished told of each event that is stored, with its id.
 * @returns why it stopped: null when it was told to.
 */
export async function publishMachine(
  sampler: MachineSampler,
  sender: Sender,
  onPublished: (machine: Machine, id: string) => void,
): Promise<string | null> {
  const { clock, signal } = sender;
  const keyPrefix = randomBytes(9).toString('base64url');
  const startMs = clock.elapsed();
  for (let number = 1; !signal.aborted; number += 1) {
    const machine = await sampler.sample();
    const event = makePushEvent({ channel: defaultChannel, type: 'machine', data: machine }, null, 'machine');
    const sent = await sendBatch([event], `${keyPrefix}-${number}`, sender);
    if (sent.kind === 'failed') return signal.aborted ? null : sent.reason;
    onPublished(machine, sent.ids[0] ?? '');
    await wait(clock, everyMs - ((clock.elapsed() - startMs) % everyMs), signal);
  }
  return null;
}

/** A sample as one line: `load 0.42   memory 37.1 %   disk 61 %   event loop 0.31 ms late`. */
export function machineText(machine: Machine): string {
  const { load, memoryUsedPercent, diskUsedPercent, eventLoopDelayMs } = machine;
  return [
    `load ${load.toFixed(2)}`,
    `memory ${memoryUsedPercent.toFixed(1)} %`,
    `disk ${diskUsedPercent.toFixed(1)} %`,
    `event loop ${eventLoopDelayMs.toFixed(2)} ms late`,
  ].join('   ');
}
