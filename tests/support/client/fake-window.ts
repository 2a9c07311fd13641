import { vi } from 'vitest';

/*
 * A window for React and SWR in Node: import this file before them, because they look for it when they load. It is enough
 * for components that render nothing. Time stands still; the test moves it.
 */

vi.useFakeTimers();

const document = Object.assign(new EventTarget(), {
  nodeType: 9,
  activeElement: null,
  visibilityState: 'visible',
});
const window = Object.assign(new EventTarget(), { document, HTMLIFrameElement: class {} });
Object.assign(document, { defaultView: window });
Object.assign(globalThis, { window, document, IS_REACT_ACT_ENVIRONMENT: true });
Object.defineProperty(navigator, 'onLine', { value: true });
