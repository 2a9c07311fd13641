import type { Failure } from './run-fuzz.ts';

/** Most bytes that are printed of a request: those of 1 MiB are made again from their number. */
const mostBytes = 4_000;

/** A failure as it is printed: what is wrong, the exact bytes, and how to send them again. */
export function failureText({ plan, faults }: Failure, seed: number): string {
  const bytes = Buffer.concat(plan.parts);
  const more = bytes.length > mostBytes ? `\n  … ${bytes.length} bytes in all` : '';
  return [
    `seed ${seed}, request ${plan.number} (${plan.kind}, ${plan.ending.kind}):`,
    ...faults.map((fault) => `  ${fault.slice(0, 2_000)}`),
    `  ${escaped(bytes.subarray(0, mostBytes))}${more}`,
    `  again: npm run proof:fuzz -- --seed ${seed} --from ${plan.number} --requests 1`,
  ].join('\n');
}

/** Bytes as printable ASCII, each other one as `\xHH`, so that none is lost: a text for `printf '%b'`. */
export function escaped(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/[^\x20-\x7e]|\\/g, (character) =>
      character === '\r'
        ? '\\r'
        : character === '\n'
          ? '\\n'
          : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
    );
}
