import { expect, test } from 'vitest';
import { createAddressPlaces } from '../../../lib/server/address-limits.ts';

test('an address has so many places, and others have theirs', () => {
  const places = createAddressPlaces(2);
  const leave = places.take('a', 1);
  places.take('a', 1);

  expect(() => places.take('a', 1)).toThrow(
    /reads 2 channels.*asks for 1 more, and may read 2 \(STREAM_MAX_PER_ADDRESS\)/,
  );
  places.take('b', 1);
  leave();
  places.take('a', 1);
});

test('a place is given back once', () => {
  const places = createAddressPlaces(2);
  const leave = places.take('a', 1);
  places.take('a', 1);
  leave();
  leave();
  places.take('a', 1);

  expect(() => places.take('a', 1)).toThrow();
});

test.each([
  [null, 'a'],
  [1, null],
])('with a limit of %s, %s has any number', (most, address) => {
  const places = createAddressPlaces(most);
  for (let count = 0; count < 1_000; count += 1) expect(() => places.take(address, 1)).not.toThrow();
});

test('each channel of a stream takes a place, and gives it back', () => {
  const places = createAddressPlaces(20);
  const leave = places.take('a', 19);
  expect(() => places.take('a', 2)).toThrow(/may read 20/);
  places.take('a', 1);
  leave();
  places.take('a', 19);
});
