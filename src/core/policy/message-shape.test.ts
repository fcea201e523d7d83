import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, createFileRegistry, type DescMessage } from '@bufbuild/protobuf';
import { FieldDescriptorProto_Label, FieldDescriptorProto_Type, FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { isRecursive } from './message-shape.ts';

/** M0 has two fields of M1, M1 two of M2, and so on; the last one has two of `last`. */
function ladder(steps: number, last: string): DescMessage {
  const typeOf = (i: number) => (i === steps ? last : `M${i}`);
  const field = (name: string, number: number, typeName: string) => ({
    name,
    number,
    label: FieldDescriptorProto_Label.OPTIONAL,
    type: FieldDescriptorProto_Type.MESSAGE,
    typeName: `.ladder.${typeName}`,
  });
  const messageType = Array.from({ length: steps }, (_, i) => ({
    name: `M${i}`,
    field: [field('a', 1, typeOf(i + 1)), field('b', 2, typeOf(i + 1))],
  }));
  const file = create(FileDescriptorProtoSchema, {
    name: 'ladder.proto',
    package: 'ladder',
    syntax: 'proto3',
    messageType: [...messageType, { name: 'Leaf', field: [] }],
  });
  return createFileRegistry(create(FileDescriptorSetSchema, { file: [file] })).getMessage('ladder.M0') ?? assert.fail();
}

test('whether a message can contain itself is found without walking each way to each of its parts', () => {
  assert.equal(isRecursive(ladder(60, 'Leaf')), false);
  assert.equal(isRecursive(ladder(60, 'M30')), true);
});
