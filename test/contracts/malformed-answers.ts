import { constants, type OutgoingHttpHeaders } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { framed, grpcHeaders, type RawCall, reply } from '../support/upstream/raw-upstream.ts';

const message = Buffer.from([0x0a, 0x01, 0x61]);

/** What an upstream may do that no client of gRPC should hang or break on, with the ends that it may have. */
export const malformed: readonly (readonly [what: string, answer: (call: RawCall) => void, causes: RegExp])[] = [
  ['an HTML page', respond({ ':status': 500, 'content-type': 'text/html' }, '<h1>NullPointer</h1>'), /^http$/],
  ['a page that never ends', ({ stream }) => void stream.respond({ ':status': 502 }), /^http$/],
  ['no content type', respond({ ':status': 200 }, framed(message)), /^protocol$/],
  ['gRPC-Web', respond({ ':status': 200, 'content-type': 'application/grpc-web' }, message.subarray(0, 0)), /^protocol$/],
  ['JSON in gRPC', respond({ ':status': 200, 'content-type': 'application/grpc+json' }, message.subarray(0, 0)), /^protocol$/],
  ["a proxy's error that is said to be gRPC", ({ stream }) => stream.respond({ ...grpcHeaders, ':status': 503 }, { endStream: true }), /^http$/],
  ['headers alone', ({ stream }) => stream.respond(grpcHeaders, { endStream: true }), /^protocol$/],
  ['messages without trailers', respond(grpcHeaders, framed(message)), /^protocol$/],
  ['trailers without a status', ({ stream }) => cut(stream, framed(message), {}, { 'x-other': 'a' }), /^protocol$/],
  ['a message that is cut', ({ stream }) => cut(stream, framed(Buffer.alloc(9)).subarray(0, 8)), /^protocol$/],
  ['half the head of a message', ({ stream }) => cut(stream, Buffer.from([0, 0])), /^protocol$/],
  ['unknown flags', ({ stream }) => cut(stream, Buffer.from([0x80, 0, 0, 0, 0])), /^protocol$/],
  ['a message that claims 4 GiB', ({ stream }) => cut(stream, Buffer.from([0, 255, 255, 255, 255])), /^too_large$/],
  ['compressed, and no encoding was named', ({ stream }) => cut(stream, Buffer.from([1, 0, 0, 0, 1, 0])), /^protocol$/],
  ['what is no gzip', ({ stream }) => cut(stream, Buffer.from([1, 0, 0, 0, 1, 0]), { 'grpc-encoding': 'gzip' }), /^protocol$/],
  ['an encoding that nobody offered', ({ stream }) => cut(stream, Buffer.from([1, 0, 0, 0, 1, 0]), { 'grpc-encoding': 'br' }), /^protocol$/],
  ['a bomb', ({ stream }) => cut(stream, compressed(Buffer.alloc(5_000_000)), { 'grpc-encoding': 'gzip' }), /^too_large$/],
  ['headers of 100 KB', (call) => reply(call, { headers: { 'x-a': 'a'.repeat(100_000) }, messages: [message] }), /^(reset|lost|protocol)$/],
  ['a thousand headers', (call) => reply(call, { headers: Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`x-${i}`, 'a'])) }), /./],
  ['RST_STREAM INTERNAL_ERROR', ({ stream }) => stream.close(constants.NGHTTP2_INTERNAL_ERROR), /^reset$/],
  ['RST_STREAM CANCEL', ({ stream }) => stream.close(constants.NGHTTP2_CANCEL), /^reset$/],
  ['RST_STREAM NO_ERROR', ({ stream }) => stream.close(constants.NGHTTP2_NO_ERROR), /^protocol$/],
  ['RST_STREAM ENHANCE_YOUR_CALM', ({ stream }) => stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM), /^reset$/],
  ['RST_STREAM after headers', resetAfterHeaders, /^(reset|protocol)$/],
  ['a connection that breaks', ({ stream }) => void stream.session?.destroy(), /^(lost|reset)$/],
  ['GOAWAY with an error', ({ stream }) => stream.session?.goaway(2, stream.id), /^lost$/],
  ['a refusal of everything', ({ stream }) => stream.close(constants.NGHTTP2_REFUSED_STREAM), /^lost$/],
];

function respond(headers: OutgoingHttpHeaders, body: Uint8Array | string): (call: RawCall) => void {
  return ({ stream }) => {
    stream.respond(headers);
    stream.end(body);
  };
}

function resetAfterHeaders({ stream }: RawCall): void {
  stream.respond(grpcHeaders);
  setTimeout(() => stream.close(constants.NGHTTP2_INTERNAL_ERROR), 10);
}

export function compressed(body: Uint8Array): Buffer {
  const frame = framed(gzipSync(body));
  frame[0] = 1;
  return frame;
}

export function cut(
  stream: RawCall['stream'],
  bytes: Buffer,
  headers: object = {},
  trailers: Readonly<Record<string, string>> = { 'grpc-status': '0' },
): void {
  stream.resume();
  stream.respond({ ...grpcHeaders, ...headers }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end(bytes);
}
