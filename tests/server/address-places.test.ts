import { expect, test } from 'vitest';
import { createAddressPlaces } from '../../lib/server/address-places.ts';

test('an address has so many places, and others have theirs', () => {
  const places = createAddressPlaces(2);
  const leave = places.take('a');
  places.take('a');

  expect(() => places.take('a')).toThrow(/holds 2 streams.*STREAM_MAX_PER_ADDRESS/);
  places.take('b');
  leave();
  places.take('a');
});

test('a place is given back once', () => {
  const places = createAddressPlaces(2);
  const leave = places.take('a');
  places.take('a');
  leave();
  leave();
  places.take('a');

  expect(() => places.take('a')).toThrow();
});

test.each([
  [null, 'a'],
  [1, null],
])('with a limit of %s, %s has any number', (most, address) => {
  const places = createAddressPlaces(most);
  for (let count = 0; count < 1_000; count += 1) expect(() => places.take(address)).not.toThrow();
});
