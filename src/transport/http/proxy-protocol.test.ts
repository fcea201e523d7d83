import assert from 'node:assert/strict';
import { BlockList, isIPv6 } from 'node:net';
import { test } from 'node:test';
import { seeded } from '../../../test/support/time/seeded.ts';
import { proxyHeaderOf, proxyRestBytes } from './proxy-protocol.ts';

const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const random = seeded(14);
const below = (most: number) => Math.floor(random() * most);
const bytes = (length: number) => Buffer.from(Array.from({ length }, () => below(256)));

function headerOf(command: number, family: number, rest: Buffer): { readonly head: Buffer; readonly rest: Buffer } {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(rest.length);
  return { head: Buffer.concat([signature, Buffer.from([command, family]), length]), rest };
}
const parsed = ({ head, rest }: ReturnType<typeof headerOf>) => proxyHeaderOf(head, rest);

test('an address comes out as it went in, whatever the proxy adds behind it', () => {
  for (let round = 0; round < 2_000; round++) {
    const isFour = random() < 0.5;
    const address = isFour ? bytes(4) : random() < 0.3 ? Buffer.concat([Buffer.alloc(10 + below(6)), bytes(6)]).subarray(0, 16) : bytes(16);
    const port = below(65_536);
    const ports = Buffer.alloc(4);
    ports.writeUInt16BE(port);
    const rest = Buffer.concat([address, bytes(address.length), ports, bytes(below(200))]);
    const client = parsed(headerOf(0x21, isFour ? 0x11 : 0x21, rest))?.client;
    assert.equal(client?.port, port);
    const text = isFour ? [...address].join('.') : Array.from({ length: 8 }, (_, i) => address.readUInt16BE(2 * i).toString(16)).join(':');
    const same = new BlockList();
    same.addAddress(text, isFour ? 'ipv4' : 'ipv6');
    const found = client?.address ?? '';
    assert.ok(same.check(found, isIPv6(found) ? 'ipv6' : 'ipv4'), `${text} came out as ${found}`);
  }
});

test('known addresses are written as Node writes those of sockets', () => {
  const v6 = (hex: string) => parsed(headerOf(0x21, 0x21, Buffer.concat([Buffer.from(hex, 'hex'), Buffer.alloc(20)])))?.client?.address;
  assert.equal(v6('20010db8000000000000000000000001'), '2001:db8::1');
  assert.equal(v6('00000000000000000000ffffcb007107'), '203.0.113.7');
  assert.equal(v6('00000000000000000000000000000000'), '::');
  const four = headerOf(0x21, 0x11, Buffer.from('cb007107c0000201303901bb', 'hex'));
  assert.deepEqual(parsed(four), { client: { address: '203.0.113.7', port: 12_345 } });
});

test('a proxy that speaks for itself, or has no address of the internet, names nobody', () => {
  assert.deepEqual(parsed(headerOf(0x20, 0x00, Buffer.alloc(0))), { client: undefined });
  for (const family of [0x00, 0x12, 0x22, 0x31, 0x32]) assert.deepEqual(parsed(headerOf(0x21, family, bytes(216))), { client: undefined });
});

test('cut, changed and random bytes are refused, or are a header of the same length, and never throw', () => {
  const whole = headerOf(0x21, 0x21, bytes(36 + 10));
  const all = Buffer.concat([whole.head, whole.rest]);
  for (let cut = 0; cut < all.length; cut++)
    assert.equal(proxyHeaderOf(all.subarray(0, Math.min(16, cut)), all.subarray(16, cut)), undefined, `${cut}`);
  for (let place = 0; place < 16; place++)
    for (let value = 0; value < 256; value++) {
      const head = Buffer.from(whole.head);
      if (head[place] === value) continue;
      head[place] = value;
      const header = proxyHeaderOf(head, whole.rest);
      if (place !== 12 && place !== 13) assert.equal(header, undefined, `byte ${place} is ${value}`);
      else if (header !== undefined && place === 12) assert.deepEqual([value, header], [0x20, { client: undefined }]);
    }
  for (let round = 0; round < 20_000; round++) assert.equal(proxyRestBytes(bytes(16)), undefined);
  for (const [family, least] of [
    [0x11, 12],
    [0x21, 36],
  ] as const)
    for (let length = 0; length < least; length++) assert.equal(parsed(headerOf(0x21, family, bytes(length))), undefined, 'too short for its family');
});

test('a header that would have to be kept in thousands of bytes is refused by its first 16', () => {
  assert.equal(proxyRestBytes(headerOf(0x21, 0x11, bytes(2_048)).head), 2_048);
  assert.equal(proxyRestBytes(headerOf(0x21, 0x11, bytes(2_049)).head), undefined);
});
