import type { Cursor } from '../core/cursor.ts';
import type { Handover, Hello, Problem } from '../core/sse-frames.ts';
import type { Block } from './block-reader.ts';
import type { FeedItem } from './feed-item.ts';
import { positionOf, readCursorOf, readEvent, readGap, readRecord } from './read-wire.ts';

/** One block of a live stream, checked. `cursor` is the connection's position after it. */
export type StreamFrame =
  | { readonly kind: 'hello'; readonly cursor: Cursor; readonly hello: Hello }
  | { readonly kind: 'item'; readonly cursor: Cursor; readonly item: FeedItem }
  | { readonly kind: 'heartbeat'; readonly cursor: Cursor }
  | { readonly kind: 'handover'; readonly cursor: Cursor; readonly handover: Handover }
  | { readonly kind: 'refused'; readonly problem: Problem };

/**
 * Reads one block.
 * @returns null for a kind of block this version does not know.
 * @throws FeedError or SyntaxError when the block is not what the wire contract says.
 */
export function readFrame(block: Block, channels: readonly string[]): StreamFrame | null {
  const kind = block.event || 'message';
  if (!kinds.has(kind)) return null;
  const data = readRecord(JSON.parse(block.data), kind);
  if (kind === 'refused') return { kind, problem: data as Problem };
  const cursor = readCursorOf(channels, block.id, kind);
  switch (kind) {
    case 'hello':
      return { kind, cursor, hello: data as Hello };
    case 'heartbeat':
      return { kind, cursor };
    case 'handover':
      return { kind, cursor, handover: data as Handover };
    case 'gap': {
      const gap = readGap(data);
      return { kind: 'item', cursor, item: { kind, gap, position: positionOf(cursor, gap) } };
    }
    default:
      return { kind: 'item', cursor, item: readEvent(data, cursor) };
  }
}

const kinds = new Set(['hello', 'message', 'gap', 'heartbeat', 'handover', 'refused']);
