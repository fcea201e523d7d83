import { createHash } from 'node:crypto';
import { type DescMessage, type DescMethod, toBinary } from '@bufbuild/protobuf';
import { DescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { messagesWithin } from '../kit/messages-within.ts';

/** Many methods have the same types within their own. */
const encoded = new WeakMap<DescMessage, Uint8Array>();

/**
 * @returns SHA-256 (hex) over a policy and all message types of its method: a new shape or policy reads no old entry
 */
export function fingerprintOf(method: DescMethod, policy: Uint8Array): string {
  const hash = createHash('sha256').update(method.parent.typeName).update(method.name).update(policy);
  const types = [...new Set([...messagesWithin(method.input), ...messagesWithin(method.output)])].sort((a, b) => (a.typeName < b.typeName ? -1 : 1));
  for (const type of types) hash.update(type.typeName).update(encodingOf(type));
  return hash.digest('hex');
}

function encodingOf(type: DescMessage): Uint8Array {
  const bytes = encoded.get(type) ?? toBinary(DescriptorProtoSchema, type.proto);
  encoded.set(type, bytes);
  return bytes;
}
