import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { compilePlans } from '../../src/core/policy/compile-plans.ts';
import { Policy } from '../../src/gen/portico/v1/policy.ts';
import { typesOf } from '../../src/release/release.ts';

const fixture = readFileSync(resolve(import.meta.dirname, '../fixture/gen/descriptors.binpb'));
const access = (scope: string) => Policy.encode(Policy.fromPartial({ access: { scopes: [scope] } })).finish();

/** Plans of the fixture with these bytes as the policy of WhoAmI. */
function scopesWith(...pieces: readonly Uint8Array[]) {
  const set = fromBinary(FileDescriptorSetSchema, fixture);
  const service = set.file.flatMap((file) => file.service).find(({ name }) => name === 'ScreenService');
  const options = service?.method.find(({ name }) => name === 'WhoAmI')?.options;
  assert.ok(options);
  options.$unknown = pieces.map((bytes) => ({ no: 50001, wireType: 2, data: new BinaryWriter().bytes(bytes).finish() }));
  const { plans } = compilePlans({
    registry: typesOf(toBinary(FileDescriptorSetSchema, set)),
    sources: () => undefined,
    served: (name) => name === 'fixture.v1.ScreenService',
  });
  return plans.get('/fixture.v1.ScreenService/WhoAmI')?.access;
}

test('a policy that comes in pieces is merged, whether they stand in one option or in several', () => {
  const both = { kind: 'user', scopes: ['admin.write', 'home.read'] };
  assert.deepEqual(scopesWith(Buffer.concat([access('admin.write'), access('home.read')])), both);
  assert.deepEqual(scopesWith(access('admin.write'), access('home.read')), both);
});
