import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metadata } from 'nice-grpc-common';
import { IncomingMetadata } from './incoming-metadata.ts';
import { toHeaders } from './protocols/metadata-to-headers.ts';

test('metadata is what the client says, without what belongs to HTTP and gRPC', () => {
  const metadata = new IncomingMetadata({
    ':path': '/a.v1.B/C',
    'content-type': 'application/grpc',
    te: 'trailers',
    'app-version': '4.2.0',
    'sample-bin': 'AQI=, Aw',
  });
  assert.deepEqual(
    [...metadata].map(([key, values]) => [key, values.map((value) => (typeof value === 'string' ? value : [...value]))]),
    [
      ['app-version', ['4.2.0']],
      ['sample-bin', [[1, 2], [3]]],
    ],
  );
  assert.equal(metadata.get('App-Version'), '4.2.0');
  assert.equal(metadata.get(':path'), undefined);
  assert.equal(metadata.has('te'), false);
  assert.deepEqual(metadata.getAll('nothing'), []);
});

test("an answer's metadata as headers: bytes as base64 without padding, and nothing that HTTP cannot carry or that is the connection's", () => {
  const headers = toHeaders(
    Metadata({
      etag: '"a"',
      'sample-bin': [new Uint8Array([1, 2]), new Uint8Array([3])],
      connection: 'close',
      'grpc-status': '7',
      'x-a': ['1', '2'],
    }),
    { 'content-type': 'text/plain' },
  );
  assert.deepEqual(headers, { 'content-type': 'text/plain', etag: '"a"', 'sample-bin': 'AQI,Aw', 'x-a': '1, 2' });
});
