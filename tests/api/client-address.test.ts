import { expect, test } from '@jest/globals';
import { networkOf, plainAddress } from '../../src/api/client-address.ts';

test.each([
  ['192.0.2.7', '192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7', '192.0.2.7'],
  ['::FFFF:c000:0207', '192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8:1:2::6', '2001:db8:1:2::6', '2001:db8:1:2::/64'],
  ['2001:db8::', '2001:db8::', '2001:db8:0:0::/64'],
  ['::1', '::1', '0:0:0:0::/64'],
])('%s is written as %s and counts as %s', (address, plain, network) => {
  expect([plainAddress(address), networkOf(address)]).toEqual([plain, network]);
});

test.each([
  ['192.0.2.7:8080', '192.0.2.7'],
  ['[2001:db8::6]:443', '2001:db8::6'],
  ['[::ffff:192.0.2.7]', '192.0.2.7'],
])('%s has a port, or room for one, around %s', (text, address) => {
  expect(plainAddress(text)).toBe(address);
});

test.each(['', 'unknown', '192.0.2.7:', '[192.0.2.7', '1.2.3:80', '010.0.0.1', '127.1', '<script>', '192.0.2.7, 192.0.2.8'])(
  '%s is no address',
  (text) => {
    expect(plainAddress(text)).toBeUndefined();
  },
);
