import assert from 'node:assert/strict';
import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { test } from 'node:test';
import { Metadata } from 'nice-grpc-common';
import { answerHeaders, HeaderMetadata } from './header-metadata.ts';

test('metadata is what the client says, without what belongs to HTTP and gRPC', () => {
  const metadata = new HeaderMetadata({
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

test("an answer's metadata joins the headers that are sent, bytes as base64", () => {
  let sent: unknown;
  const stream = {
    respond: (headers: OutgoingHttpHeaders) => {
      sent = headers;
    },
  } as unknown as ServerHttp2Stream;
  answerHeaders(stream, Metadata({ etag: '"a"', 'sample-bin': new Uint8Array([1, 2]) }));
  stream.respond({ ':status': 200 });
  assert.deepEqual(sent, { ':status': 200, etag: '"a"', 'sample-bin': 'AQI=' });
});
