import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';

/** The facts about a field that its type determines. */
export type WireField = {
  readonly wireType: number;
  /** Numbers in a list may be packed. */
  readonly packable: boolean;
  readonly child: WireFields | undefined;
  /** A map, whose entries must have a key and a value, or a google.protobuf.Value, which must have a kind. */
  readonly needs: 'entry' | 'kind' | undefined;
  /**
   * The bit of a field that must not occur twice; 0: it may. Members of a oneof share one. Above 30 all fields share
   * the last; an unnecessary merge then has the same result.
   */
  readonly bit: number;
  /** Fields that protobuf-es reads differently: groups, and closed enums. */
  readonly special: boolean;
};
/** Fields by number. */
export type WireFields = ReadonlyMap<number, WireField>;

const known = new WeakMap<DescMessage, WireFields>();

/** The facts about the fields of a message. */
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
  if (field.fieldKind === 'map') {
    const entry = new Map([[1, { ...plainField(wireTypeOf(field.mapKey)), bit: 1 }] as const, [2, { ...valueField(field), bit: 2 }] as const]);
    return { ...plainField(WireType.LengthDelimited), child: entry, needs: 'entry' };
  }
  const isGroup = 'delimitedEncoding' in field && field.delimitedEncoding === true;
  const packable =
    field.fieldKind === 'list' && field.message === undefined && field.scalar !== ScalarType.STRING && field.scalar !== ScalarType.BYTES;
  const value = valueField(field);
  return isGroup ? { ...value, wireType: WireType.StartGroup, bit, special: true } : { ...value, bit, packable };
}

const plainField = (wireType: WireType): WireField => ({ wireType, packable: false, child: undefined, needs: undefined, bit: 0, special: false });

function valueField({ message, enum: values, scalar }: DescField): WireField {
  if (message !== undefined)
    return {
      ...plainField(WireType.LengthDelimited),
      child: wireFieldsOf(message),
      needs: message.typeName === 'google.protobuf.Value' ? 'kind' : undefined,
    };
  return { ...plainField(values ? WireType.Varint : wireTypeOf(scalar)), special: values?.open === false };
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
