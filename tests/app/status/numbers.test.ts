import { expect, test } from 'vitest';
import { formatDollars, formatMemory, formatMs, formatRounded } from '../../../app/status/numbers.ts';

test('numbers of the status page have a unit, and no more digits than a person needs', () => {
  expect([0, 0.44, 9.96, 21.4, 1_234, 12_345].map(formatMs)).toEqual([
    '0\u00a0ms',
    '0.4\u00a0ms',
    '10\u00a0ms',
    '21\u00a0ms',
    '1,234\u00a0ms',
    '12\u00a0s',
  ]);
  expect([0, 0.001, 0.094, 16.2, 1_239.6].map(formatDollars)).toEqual([
    '$0.00',
    'under $0.01',
    '$0.09',
    '$16.20',
    '$1,240',
  ]);
  expect([0, 123_456_789].map(formatMemory)).toEqual(['0\u00a0MB', '118\u00a0MB']);
  expect([0, 0.26, 67.2, 48_910].map(formatRounded)).toEqual(['0', '0.3', '67', '48,910']);
});
