import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createFileRegistry, type DescMessage, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { fieldOf, numbersOf, type PolicyPath } from './policy-path.ts';

const set = readFileSync(new URL('../../gen/descriptors.binpb', import.meta.url));
const policy = createFileRegistry(fromBinary(FileDescriptorSetSchema, set)).getMessage('portico.v1.Policy') as DescMessage;

test('every field of a policy is found by its name, and by its numbers again', () => {
  const check = (message: DescMessage, path: string, numbers: readonly number[]) => {
    for (const field of message.fields) {
      const at = `${path}${field.localName}`;
      const found = numbersOf(policy, at as PolicyPath);
      assert.deepEqual(found, [...numbers, field.number], at);
      assert.equal(fieldOf(policy, found), field);
      if (field.fieldKind === 'list') {
        assert.deepEqual(numbersOf(policy, `${at}[12]` as PolicyPath), [...found, 12]);
        assert.equal(fieldOf(policy, [...found, 12]), undefined);
      }
      if (field.fieldKind === 'message') check(field.message, `${at}.`, found);
    }
  };
  check(policy, '', []);
  assert.deepEqual(numbersOf(policy, ''), []);
});

test('a path that no policy has does not compile', () => {
  const paths: readonly PolicyPath[] = ['cache.tags[3]', 'streamOf', 'forward.metadata'];
  // @ts-expect-error it is written streamOf
  const misspelled: PolicyPath = 'stream_of';
  // @ts-expect-error a duration has no entries
  const entry: PolicyPath = 'cache.ttl[0]';
  for (const wrong of [misspelled, 'cache.nothing' as PolicyPath]) assert.throws(() => numbersOf(policy, wrong), /has no field/);
  assert.equal(paths.length, 3);
  assert.equal(entry, 'cache.ttl[0]');
});
