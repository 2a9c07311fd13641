import type { MachineFigures } from './data-form.ts';
import { durationText } from './figures.ts';
import { PairList } from './pair-list.tsx';

/** A machine's figures in columns that stand below each other from event to event. */
export function MachineData({ figures }: { readonly figures: MachineFigures }) {
  const { load, memoryUsedPercent, diskUsedPercent, uptimeSeconds, eventLoopDelayMs } = figures;
  return (
    <PairList
      isAligned
      pairs={[
        ['load', load.toFixed(2)],
        ['memory', `${memoryUsedPercent.toFixed(1)} %`],
        ['disk', `${diskUsedPercent.toFixed(1)} %`],
        ['loop delay', `${eventLoopDelayMs.toFixed(1)} ms`],
        ['uptime', durationText(uptimeSeconds)],
      ]}
    />
  );
}
