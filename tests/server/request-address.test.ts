import { expect, test } from 'vitest';
import { addressOf, subscriberOf } from '../../lib/server/admission.ts';

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:c000:0201', '192.0.2.1'],
  ['::1', '0:0:0:0::/64'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8:0001:2::9', '2001:db8:1:2::/64'],
  ['2001:db8::9', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['no address', 'no address'],
])('the address %s belongs to the subscriber %s', (address, subscriber) => {
  expect(subscriberOf(address)).toBe(subscriber);
});

test('an address is unknown off the platform without a socket, whatever a header says', () => {
  const request = new Request('http://feed.test/', { headers: { 'x-real-ip': '192.0.2.1' } });
  expect(addressOf(request, false)).toBe(null);
  expect(addressOf(request, true)).toBe('192.0.2.1');
  expect(addressOf(new Request('http://feed.test/'), true)).toBe(null);
});
