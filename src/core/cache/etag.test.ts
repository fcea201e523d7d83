import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { GetItemResponse } from '../../../test/fixture/gen/fixture/v1/fixture.ts';
import { fixtureRelease } from '../../../test/support/server/test-server.ts';
import { etagOf } from './etag.ts';

const type = createFileRegistry(fromBinary(FileDescriptorSetSchema, fixtureRelease.descriptorSet)).getMessage('fixture.v1.GetItemResponse');
if (type === undefined) throw new Error('The fixture has no GetItemResponse.');
const etag = etagOf(type);
const item = (changed: Partial<GetItemResponse>) =>
  GetItemResponse.encode({ ...GetItemResponse.decode(new Uint8Array()), itemId: '1', title: 'A lamp', revision: 3, ...changed }).finish();

test('a volatile field is no change of an answer, whatever it holds and whether it is there', () => {
  assert.equal(etag(item({ madeAtMs: 1n })), etag(item({ madeAtMs: 2n ** 60n })));
  assert.equal(etag(item({ madeAtMs: 1n })), etag(item({})));
});

test('any other field is one', () => {
  assert.notEqual(etag(item({ revision: 4 })), etag(item({})));
  assert.notEqual(etag(item({ note: '' })), etag(item({})));
});

test('bytes that are no message have an etag of their own', () => {
  const garbage = new Uint8Array([0x0f, 0xff, 0xff]);
  assert.notEqual(etag(garbage), etag(garbage.subarray(1)));
  assert.notEqual(etag(garbage), etag(new Uint8Array()));
});
