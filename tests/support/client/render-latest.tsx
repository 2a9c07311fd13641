import './fake-window.ts';

import { act, type ReactElement, StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { vi } from 'vitest';
import { type UseLatest, type UseLatestOptions, useLatest } from '../../../lib/client/latest/use-latest.ts';

// The test has a clock of its own, which needs the machine's `setImmediate`.
vi.useRealTimers();

/** An element that React renders into. */
function newContainer(): Element {
  const element = { nodeType: 1, tagName: 'DIV', namespaceURI: null, ownerDocument: document };
  return Object.assign(new EventTarget(), element) as unknown as Element;
}

/** A page in React whose components read states. */
export type LatestPage = AsyncDisposable & {
  /** Renders one component for each entry, by its name: its options. Those of before that are not named are gone. */
  render(components: Readonly<Record<string, UseLatestOptions>>): Promise<void>;
  /** What a component rendered last. */
  shown(name: string): UseLatest;
  /** How often a component has rendered with another value than before. */
  renders(name: string): number;
};

/** Makes an empty page, which renders everything twice, as React does in development. */
export function latestPage(): LatestPage {
  const values = new Map<string, UseLatest[]>();

  function Reader({ name, options }: { readonly name: string; readonly options: UseLatestOptions }): null {
    const value = useLatest(options);
    const list = values.get(name) ?? [];
    if (list.at(-1) !== value) list.push(value);
    values.set(name, list);
    return null;
  }

  const root = createRoot(newContainer());
  const element = (components: Readonly<Record<string, UseLatestOptions>>): ReactElement => (
    <StrictMode>
      {Object.entries(components).map(([name, options]) => (
        <Reader key={name} name={name} options={options} />
      ))}
    </StrictMode>
  );
  return {
    render: (components) => act(async () => root.render(element(components))),
    shown(name) {
      const value = values.get(name)?.at(-1);
      if (value === undefined) throw new Error(`${name} has not rendered`);
      return value;
    },
    renders: (name) => values.get(name)?.length ?? 0,
    [Symbol.asyncDispose]: () => act(async () => root.unmount()),
  };
}
