import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FeedError } from '../../../lib/core/feed-error.ts';
import { root } from '../root.ts';
import { codeIn } from './markdown-table.ts';

/** The path of the wire contract. */
export const protocolFile = join(root, 'docs/protocol.md');

/** The wire contract as it is now. */
export const readProtocol = () => readFileSync(protocolFile, 'utf8');

/** A number as the document writes it. */
export const grouped = (number: number) => number.toLocaleString('en-US');

/** What a cell holds, without the marks of code. */
export const plain = (text: string) => codeIn(text)[0] ?? text;

/** Whether `run` goes well, rather than being refused. */
export function isTaken(run: () => unknown): boolean {
  try {
    run();
    return true;
  } catch (error) {
    if (error instanceof FeedError) return false;
    throw error;
  }
}
