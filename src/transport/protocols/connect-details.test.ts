import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { BadRequest, ErrorInfo, RetryInfo } from '../../gen/google/rpc/error_details.ts';
import { connectDetails, connectDetailsJson } from './connect-details.ts';

const set = readFileSync(new URL('../../../test/fixture/gen/descriptors.binpb', import.meta.url));
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, set));
const detail = (type: string, encoded: { finish(): Uint8Array }) => ({ typeUrl: `type.googleapis.com/${type}`, value: encoded.finish() });
const info = (metadata: Record<string, string> = {}) =>
  detail('google.rpc.ErrorInfo', ErrorInfo.encode({ reason: 'ORDER_UNKNOWN', domain: 'portico', metadata: new Map(Object.entries(metadata)) }));

test('a detail has its type, its bytes and its JSON', () => {
  const retry = detail('google.rpc.RetryInfo', RetryInfo.encode({ retryDelay: { seconds: 1n, nanos: 500_000_000 } }));
  assert.deepEqual(connectDetailsJson([info({ orderId: '7' }), retry], registry, 8_192), [
    {
      type: 'google.rpc.ErrorInfo',
      value: Buffer.from(info({ orderId: '7' }).value)
        .toString('base64')
        .replace(/=+$/, ''),
      debug: { reason: 'ORDER_UNKNOWN', domain: 'portico', metadata: { orderId: '7' } },
    },
    { type: 'google.rpc.RetryInfo', value: 'CggIARCAyrXuAQ', debug: { retryDelay: '1.500s' } },
  ]);
});

const bare: readonly (readonly [says: string, detail: { readonly typeUrl: string; readonly value: Uint8Array }])[] = [
  ['of a type that nobody knows', { typeUrl: 'type.googleapis.com/other.v1.Thing', value: new Uint8Array([8, 1]) }],
  ['that is not what it says', { typeUrl: 'type.googleapis.com/google.rpc.ErrorInfo', value: new Uint8Array([255]) }],
  ['with text that is not UTF-8', { typeUrl: 'type.googleapis.com/google.rpc.ErrorInfo', value: new Uint8Array([10, 1, 255]) }],
  ['with a field that is never shown', { typeUrl: 'type.googleapis.com/fixture.v1.EchoRequest', value: new Uint8Array([26, 1, 65]) }],
  ['that may hold any message', { typeUrl: 'type.googleapis.com/fixture.v1.PlayResponse', value: new Uint8Array([10, 1, 65]) }],
  ['without a type', { typeUrl: '', value: new Uint8Array() }],
];
for (const [says, one] of bare)
  test(`a detail ${says} has its bytes alone`, () => {
    assert.deepEqual(connectDetails([one], registry, 8_192), [{ type: one.typeUrl.slice(one.typeUrl.lastIndexOf('/') + 1), value: one.value }]);
  });

test('debug is bounded for one error, however many details it has', () => {
  const long = info({ text: 'x'.repeat(5_000) });
  const escaped = info({ text: '\u0001'.repeat(4_000) }); // six characters each in JSON
  const shown = connectDetails([long, long, escaped, info()], registry, 8_192).map(({ debug }) => debug !== undefined);
  assert.deepEqual(shown, [true, false, false, true]);
  const fields = BadRequest.encode({
    fieldViolations: Array.from({ length: 2_000 }, () => ({ field: 'a', description: '', reason: '', localizedMessage: undefined })),
  });
  const all = connectDetails(
    Array.from({ length: 100 }, () => detail('google.rpc.BadRequest', fields)),
    registry,
    8_192,
  );
  assert.ok(JSON.stringify(all.map(({ debug }) => debug)).length < 10_000);
});
