import { printable } from './printable.ts';

/** The five figures of a `machine` event, as `npm run demo` publishes them. */
export type MachineFigures = {
  readonly load: number;
  readonly memoryUsedPercent: number;
  readonly diskUsedPercent: number;
  readonly uptimeSeconds: number;
  readonly eventLoopDelayMs: number;
};

/** How an event's data is shown. */
export type DataForm =
  | { readonly kind: 'machine'; readonly figures: MachineFigures }
  /** A short text, or a long one that is folded behind its beginning. */
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'long text'; readonly text: string; readonly beginning: string }
  /** A small flat object. */
  | { readonly kind: 'pairs'; readonly pairs: readonly (readonly [key: string, value: string])[] }
  /** JSON that fits a line, or is folded behind its beginning. */
  | { readonly kind: 'short json'; readonly json: string }
  | { readonly kind: 'long json'; readonly json: string; readonly beginning: string };

/** Longest text shown whole, and how much of a longer one, in characters. */
const textLimit = 600;
const beginningLimit = 200;

/** Most lines of a text shown whole. */
const lineLimit = 12;

/** Longest JSON shown in a line, in characters. */
const lineLength = 80;

/** Most pairs shown as such, the longest key and value among them. */
const pairLimit = 8;
const keyLimit = 40;
const valueLimit = 120;

/** Deepest JSON that is indented: what indentation adds grows with the square of the depth. */
const depthLimit = 32;

/** Chooses how data is shown. Total: every value has a form, whatever was published. */
export function formOf(type: string, data: unknown): DataForm {
  if (typeof data === 'string') return textForm(printable(data));
  if (type === 'machine' && isMachineFigures(data)) return { kind: 'machine', figures: data };
  return pairsForm(data) ?? jsonForm(data);
}

function textForm(text: string): DataForm {
  if (text.length <= textLimit && text.split('\n', lineLimit + 1).length <= lineLimit) {
    return { kind: 'text', text };
  }
  return { kind: 'long text', text, beginning: beginningOf(text) };
}

function isMachineFigures(data: unknown): data is MachineFigures {
  if (typeof data !== 'object' || data === null) return false;
  const { load, memoryUsedPercent, diskUsedPercent, uptimeSeconds, eventLoopDelayMs } =
    data as Partial<MachineFigures>;
  return [load, memoryUsedPercent, diskUsedPercent, uptimeSeconds, eventLoopDelayMs].every(Number.isFinite);
}

function pairsForm(data: unknown): DataForm | null {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return null;
  const entries = Object.entries(data);
  if (entries.length === 0 || entries.length > pairLimit) return null;
  const pairs: [string, string][] = [];
  for (const [key, value] of entries) {
    if (typeof value === 'object' && value !== null) return null;
    const text = String(value);
    if (key === '' || key.length > keyLimit || text.length > valueLimit) return null;
    pairs.push([printable(key), printable(text)]);
  }
  return { kind: 'pairs', pairs };
}

/** All of data, for one who wants to read or copy it: indented JSON, in a line where it is nested deeply. */
export function fullText(data: unknown): string {
  const json = isDeeper(data, depthLimit) ? stringify(data) : stringify(data, 2);
  return json ?? 'This data is nested too deeply to be shown.';
}

function jsonForm(data: unknown): DataForm {
  const line = stringify(data);
  if (line === null) return { kind: 'text', text: 'This data is nested too deeply to be shown.' };
  if (line.length <= lineLength) return { kind: 'short json', json: line };
  const json = (isDeeper(data, depthLimit) ? null : stringify(data, 2)) ?? line;
  return { kind: 'long json', json, beginning: beginningOf(line) };
}

/** JSON text; null where the nesting is deeper than the engine's own stack. */
function stringify(data: unknown, indent?: number): string | null {
  try {
    return JSON.stringify(data, null, indent) ?? 'no data';
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function isDeeper(data: unknown, limit: number): boolean {
  if (typeof data !== 'object' || data === null) return false;
  return limit === 0 || Object.values(data).some((value) => isDeeper(value, limit - 1));
}

/** The first characters on one line, never half of a surrogate pair. */
function beginningOf(text: string): string {
  const line = text.slice(0, beginningLimit).replace(/\s+/g, ' ').trim();
  return `${line.replace(/[\ud800-\udbff]$/, '')}…`;
}
