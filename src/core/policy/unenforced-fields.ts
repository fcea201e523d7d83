import type { DescMessage } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import type { Numbers } from './policy-path.ts';

/** Fields by number; message fields with their own fields. */
export type Fields = { readonly [number: number]: true | Fields };

/** The fields of portico.v1.Policy that are enforced; a test compares with policy.proto. */
export const enforced: Fields = {
  1: { 1: true, 2: true, 3: true }, // access
  2: true, // deadline
  3: { 1: true, 2: true, 3: true, 4: true, 5: true, 6: true, 7: true, 8: true, 9: true }, // cache
  4: true, // invalidates
  5: true, // stream_of
  6: { 1: true, 2: true, 3: true, 4: true, 5: true }, // forward
  7: true, // soft
  8: true, // settle
  9: true, // request_bytes
  10: true, // during_maintenance
  11: true, // outdated_apps
};

/** Fields of a policy that this release does not enforce: a newer policy.proto was used for the descriptor set. */
export function unenforcedFields(bytes: Uint8Array, policy: DescMessage): readonly { readonly path: Numbers; readonly message: string }[] {
  const found: { path: Numbers; message: string }[] = [];
  type Level = { readonly fields: Fields; readonly message: DescMessage | undefined; readonly path: Numbers; readonly before: string };
  const read = (data: Uint8Array, { fields, message, path, before }: Level) => {
    const reader = new BinaryReader(data);
    while (reader.pos < reader.len) {
      const [number, wireType] = reader.tag();
      const field = message?.fields.find((candidate) => candidate.number === number);
      const name = before + (field?.name ?? `field ${number}`);
      const at = [...path, number];
      const inner = fields[number];
      if (inner === undefined) found.push({ path: at, message: `${name} is not enforced by this release: the policy was written for a newer one.` });
      if (typeof inner !== 'object' || wireType !== WireType.LengthDelimited) reader.skip(wireType, number);
      else read(reader.bytes(), { fields: inner, message: field?.fieldKind === 'message' ? field.message : undefined, path: at, before: `${name}.` });
    }
  };
  read(bytes, { fields: enforced, message: policy, path: [], before: '' });
  return found;
}
