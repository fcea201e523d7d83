import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, createFileRegistry, type DescMessage } from '@bufbuild/protobuf';
import { FieldDescriptorProto_Label, FieldDescriptorProto_Type, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { RequestMessage } from './request-message.ts';

const { REQUIRED, OPTIONAL } = FieldDescriptorProto_Label;
const { STRING, MESSAGE } = FieldDescriptorProto_Type;
const file = create(FileDescriptorProtoSchema, {
  name: 'old.proto',
  package: 'old',
  syntax: 'proto2',
  messageType: [
    {
      name: 'Old',
      field: [
        { name: 'name', number: 1, label: REQUIRED, type: STRING },
        { name: 'inner', number: 2, label: OPTIONAL, type: MESSAGE, typeName: '.old.Old' },
      ],
    },
  ],
});
const type = createFileRegistry(file, () => undefined).getMessage('old.Old') as DescMessage;
const read = (...bytes: number[]) => new RequestMessage(type, Uint8Array.from(bytes));

test('a message of proto2 without a field that it requires is the mistake of its client, where its bytes are needed', () => {
  const malformed = { name: 'Fault', reason: 'CALL_MALFORMED' };
  assert.throws(() => read(10, 1, 97, 18, 0, 18, 0).unambiguous, malformed);
  assert.throws(() => read(18, 0).canonical, malformed);
  assert.deepEqual([...read(10, 1, 97).canonical], [10, 1, 97]);
});
