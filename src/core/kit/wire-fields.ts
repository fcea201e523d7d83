import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';

/** What is known of a field before any message is read. */
export type WireField = {
  readonly wireType: number;
  /** Numbers in a list may be packed. */
  readonly packable: boolean;
  readonly child: WireFields | undefined;
  /** A map's: its entries have a key and a value, both said. */
  readonly isMap: boolean;
  /** The bit of what must not come twice; 0: it may. A oneof's members share one. Above 30 all share the last: what is then merged for nothing reads the same. */
  readonly bit: number;
  /** Read by protobuf-es in a way of its own: groups, and enums that know all their values. */
  readonly special: boolean;
};
/** By number. */
export type WireFields = ReadonlyMap<number, WireField>;

const known = new WeakMap<DescMessage, WireFields>();

/** What is known of the fields of a message. */
export function wireFieldsOf(type: DescMessage): WireFields {
  const before = known.get(type);
  if (before !== undefined) return before;
  const fields = new Map<number, WireField>();
  known.set(type, fields); // before its fields, which may be of this type
  const bits = new Map<unknown, number>();
  for (const field of type.fields) {
    const slot = field.oneof ?? (field.fieldKind === 'message' ? field : undefined);
    if (slot !== undefined && !bits.has(slot)) bits.set(slot, 1 << Math.min(bits.size, 30));
    fields.set(field.number, fieldOf(field, bits.get(slot) ?? 0));
  }
  return fields;
}

function fieldOf(field: DescField, bit: number): WireField {
  const isMap = field.fieldKind === 'map';
  const isGroup = !isMap && field.message !== undefined && 'delimitedEncoding' in field && field.delimitedEncoding;
  const child = isMap ? entryFields(field) : field.message && wireFieldsOf(field.message);
  return {
    wireType: isGroup
      ? WireType.StartGroup
      : isMap || field.message !== undefined
        ? WireType.LengthDelimited
        : wireTypeOf(field.enum ? ScalarType.INT32 : field.scalar),
    packable: field.fieldKind === 'list' && field.message === undefined && field.scalar !== ScalarType.STRING && field.scalar !== ScalarType.BYTES,
    child,
    isMap,
    bit,
    special: isGroup || (!isMap && field.enum?.open === false),
  };
}

function entryFields(field: DescField & { fieldKind: 'map' }): WireFields {
  const plain = { packable: false, isMap: false, bit: 0, special: false };
  const value = field.message && wireFieldsOf(field.message);
  return new Map<number, WireField>([
    [1, { ...plain, wireType: wireTypeOf(field.mapKey), child: undefined }],
    [
      2,
      {
        ...plain,
        wireType: value ? WireType.LengthDelimited : wireTypeOf(field.enum ? ScalarType.INT32 : field.scalar),
        child: value,
        special: field.enum?.open === false,
      },
    ],
  ]);
}

/** Protocol Buffers encoding, "Message Structure". */
function wireTypeOf(scalar: ScalarType | undefined): WireType {
  switch (scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WireType.LengthDelimited;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WireType.Bit64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WireType.Bit32;
    default:
      return WireType.Varint;
  }
}
