import type { ComponentType } from 'react';
import type { EventOf, eventTypes } from '../../lib/config/event-types.ts';
import { EventData, PairList } from './event-data.tsx';
import { formatDuration } from './format.ts';

type EventRenderers = {
  readonly [T in keyof typeof eventTypes]?: ComponentType<{ readonly event: EventOf<T> }>;
};

/**
 * The component that shows the events of each type in the list. Edit this to fit your feed: declare the shape of the
 * type in `lib/config/event-types.ts`, then add its component here. A type without a component is shown by the shape of
 * its data: text, key and value pairs, or JSON. So is an event whose component throws.
 *
 * The log may still hold events that were stored with an earlier shape. A component checks the data before it uses it,
 * and passes what it does not know to `EventData`.
 */
export const eventRenderers: EventRenderers = {
  machine: MachineData,
};

/** The figures of a machine, in columns that line up from event to event. */
function MachineData({ event }: { readonly event: EventOf<'machine'> }) {
  const { data } = event;
  if (!hasAllFigures(data)) return <EventData event={event} />;
  return (
    <PairList
      isAligned
      pairs={[
        ['load', data.load.toFixed(2)],
        ['memory', `${data.memoryUsedPercent.toFixed(1)} %`],
        ['disk', `${data.diskUsedPercent.toFixed(1)} %`],
        ['loop', `${data.eventLoopDelayMs.toFixed(1)} ms`],
        ['up', formatDuration(data.uptimeSeconds)],
      ]}
    />
  );
}

function hasAllFigures(data: Partial<EventOf<'machine'>['data']> | null): boolean {
  const { load, memoryUsedPercent, diskUsedPercent, uptimeSeconds, eventLoopDelayMs } = data ?? {};
  return [load, memoryUsedPercent, diskUsedPercent, uptimeSeconds, eventLoopDelayMs].every(Number.isFinite);
}
