import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FeedError } from '../../../lib/core/feed-error.ts';
import { root } from '../root.ts';
import { codeIn } from './markdown-table.ts';

/** The path of the protocol document. */
export const protocolFile = join(root, 'docs/protocol.md');

/** The text of the protocol document. */
export const readProtocol = () => readFileSync(protocolFile, 'utf8');

/** A number in the format of the document. */
export const grouped = (number: number) => number.toLocaleString('en-US');

/** The text of a cell, without backticks. */
export const plain = (text: string) => codeIn(text)[0] ?? text;

/** Whether `run` succeeds; false if it throws a `FeedError`. */
export function isAccepted(run: () => unknown): boolean {
  try {
    run();
    return true;
  } catch (error) {
    if (error instanceof FeedError) return false;
    throw error;
  }
}
