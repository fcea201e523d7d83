// Addresses as they may be written, and what people write instead.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHost, isHostAndPort, isUpstreamAddress } from '../../src/settings/value-formats.ts';

const upstreams = [
  ...[
    'orders:9000',
    'orders.internal:9000',
    'orders.internal.:9000',
    'my_orders:9000',
    'localhost:1',
    '10.0.0.7:65535',
    '[::1]:9000',
    '[fd00::7]:9000',
  ],
  ...[
    'ipv4:10.0.0.1:9000',
    'ipv4:10.0.0.1:9000,10.0.0.2:9000',
    'ipv6:[::1]:9000,[fd00::7]:9000',
    'unix:/run/orders.sock',
    'xn--bcher-kva.example:80',
  ],
];
test('an upstream is where gRPC names say', () => {
  for (const text of upstreams) assert.ok(isUpstreamAddress(text), text);
});

const noUpstreams = [
  ...[
    '',
    'orders',
    ':9000',
    'orders:',
    'orders:0',
    'orders:65536',
    'orders:http',
    'orders:9000/',
    'http://orders:9000',
    'https://orders.internal',
    '//orders:9000',
  ],
  ...[
    'grpc://orders:9000',
    'orders:9000,other:9000',
    'orders :9000',
    ' orders:9000',
    'orders:9000 ',
    'user@orders:9000',
    '-orders:9000',
    'orders..internal:1',
  ],
  ...[
    '10.0.0.300:9000',
    '10.0.0:9000',
    '::1:9000',
    '[::1]',
    '[::1:9000',
    '[orders]:9000',
    'fd00::7',
    'ipv4:orders:9000',
    'ipv4:',
    'ipv4:10.0.0.1',
    'unix:',
  ],
  ...[
    'ipv6:10.0.0.1:9000',
    'ipv4:10.0.0.1:9000,',
    'orders\u0000:9000',
    `${'a'.repeat(64)}:1`,
    `${'a.'.repeat(200)}b:1`,
    'ordërs:9000',
    'orders:９０００',
  ],
];
test('what is no address of an upstream is refused', () => {
  for (const text of noUpstreams) assert.ok(!isUpstreamAddress(text), text);
});

test('a listener takes an address or a name, without a port', () => {
  for (const text of ['127.0.0.1', '::', '::1', '0.0.0.0', 'localhost', 'server.internal']) assert.ok(isHost(text), text);
  for (const text of ['', '127.0.0.1:8443', 'http://localhost', '[::]', '300.1.1.1', '*', 'a b', 'localhost/']) assert.ok(!isHost(text), text);
});

test('a node of Redis is a host with a port', () => {
  for (const text of ['redis:6379', '[fd00::7]:6379']) assert.ok(isHostAndPort(text), text);
  for (const text of ['redis', 'redis://redis:6379', 'redis:99999', 'ipv4:10.0.0.1:1']) assert.ok(!isHostAndPort(text), text);
});
