import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkOf, subscriberOf } from './address-network.ts';

test('an address is logged without the part that names a person', () => {
  assert.deepEqual(['203.0.113.9', '::ffff:203.0.113.9', '127.0.0.1'].map(networkOf), ['203.0.113.0', '203.0.113.0', '127.0.0.0']);
  for (const address of ['2001:db8:1:2::3', '2001:db8:1::3:4', '2001:0db8:1::', '2001:db8:1:2:3:4:5:6'])
    assert.equal(networkOf(address), '2001:db8:1::', address);
  assert.deepEqual(['2001::5:1', '::5:1', '::1'].map(networkOf), ['2001:0:0::', '0:0:0::', '0:0:0::']);
});

test('one subscriber has one IPv4 address, or 64 bits of IPv6, however it is written', () => {
  assert.deepEqual(['203.0.113.9', '::ffff:203.0.113.9', '127.0.0.1'].map(subscriberOf), ['203.0.113.9', '203.0.113.9', '127.0.0.1']);
  for (const address of ['2001:db8:0:7::1', '2001:db8:0:7:0:0:0:9', '2001:0db8::7:1:2:3:4', '2001:db8::7:9:9:9:9'])
    assert.equal(subscriberOf(address), '2001:db8:0:7', address);
  assert.equal(subscriberOf('::1'), '0:0:0:0');
  assert.equal(subscriberOf('fe80::'), 'fe80:0:0:0');
});
