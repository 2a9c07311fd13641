import type { ComponentType } from 'react';
import type { EventOf, eventTypes } from '../../lib/config/event-types.ts';
import { EventData, PairList } from './event-data.tsx';
import { durationText } from './format.ts';

type EventRenderers = {
  readonly [T in keyof typeof eventTypes]?: ComponentType<{ readonly event: EventOf<T> }>;
};

/**
 * How the events of a type are shown in the list. Edit this to make it your feed's: declare the type's shape in
 * `lib/config/event-types.ts`, then add its component here. Types that are not listed are shown by the shape of their
 * data: text, a few pairs, or JSON.
 *
 * The log may still hold events of an earlier shape: a component looks before it relies on one, and can hand on what
 * it does not know to `EventData`.
 */
export const eventRenderers: EventRenderers = {
  machine: MachineData,
};

/** A machine's figures in columns that stand below each other from event to event. */
function MachineData({ event }: { readonly event: EventOf<'machine'> }) {
  const { data } = event;
  if (!hasFigures(data)) return <EventData event={event} />;
  return (
    <PairList
      isAligned
      pairs={[
        ['load', data.load.toFixed(2)],
        ['memory', `${data.memoryUsedPercent.toFixed(1)} %`],
        ['disk', `${data.diskUsedPercent.toFixed(1)} %`],
        ['loop delay', `${data.eventLoopDelayMs.toFixed(1)} ms`],
        ['uptime', durationText(data.uptimeSeconds)],
      ]}
    />
  );
}

function hasFigures(data: Partial<EventOf<'machine'>['data']> | null): boolean {
  const { load, memoryUsedPercent, diskUsedPercent, uptimeSeconds, eventLoopDelayMs } = data ?? {};
  return [load, memoryUsedPercent, diskUsedPercent, uptimeSeconds, eventLoopDelayMs].every(Number.isFinite);
}
