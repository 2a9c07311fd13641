import { expect, test } from 'vitest';
import { statesAsMade } from '../../support/client/transition-table.ts';

test.each(statesAsMade())('the reader that is made for the state "%s" is in it', (name, made) => {
  expect(made).toBe(name);
});
