import { clearField, type DescField, type DescMessage, type Message, toBinary } from '@bufbuild/protobuf';

/** Fields to leave out of a canonical form. */
type LeaveOut = (field: DescField) => boolean;
const nothing: LeaveOut = () => false;

/**
 * A message as bytes that are equal for equal messages: maps in the order of their keys, unknown fields dropped, fields that `leaveOut` names left out
 * (protobuf.dev, "Proto Serialization Is Not Canonical"). Changes `message`: give it one that nobody else reads.
 */
export function canonicalBytes(type: DescMessage, message: Message, leaveOut: LeaveOut = nothing): Uint8Array {
  if (needsOrder(type, leaveOut)) order(type, message, leaveOut);
  return toBinary(type, message, { writeUnknownFields: false });
}

/** Whether two encodings of one message of this type can differ, deeply: it has maps, or fields that are left out. */
export function needsOrder(type: DescMessage, leaveOut: LeaveOut = nothing, above: readonly DescMessage[] = []): boolean {
  if (above.includes(type)) return false;
  return type.fields.some((field) => {
    if (field.fieldKind === 'map' || leaveOut(field)) return true;
    return field.message !== undefined && needsOrder(field.message, leaveOut, [...above, type]);
  });
}

function order(type: DescMessage, message: Message, leaveOut: LeaveOut): void {
  for (const field of type.fields) {
    if (leaveOut(field)) clearField(message, field);
    else if (field.fieldKind === 'map') {
      const values = fieldValue(message, field) as Record<string, Message>;
      const sorted = Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
      for (const [key] of sorted) delete values[key];
      for (const [key, value] of sorted) {
        values[key] = value;
        if (field.mapKind === 'message') order(field.message, value, leaveOut);
      }
    } else if (field.message !== undefined) {
      const value = fieldValue(message, field);
      const inner = field.fieldKind === 'list' ? (value as Message[]) : value === undefined ? [] : [value as Message];
      for (const item of inner) if (typeof item.$typeName === 'string') order(field.message, item, leaveOut); // a Struct is a plain object and stays as it is
    }
  }
}

/** A field's value where protobuf-es keeps it: under its local name, or in its oneof's `{case, value}`. */
function fieldValue(message: Message, field: DescField): unknown {
  const values = message as unknown as Record<string, unknown>;
  if (field.oneof === undefined) return values[field.localName];
  const chosen = values[field.oneof.localName] as { case: string | undefined; value: unknown };
  return chosen.case === field.localName ? chosen.value : undefined;
}
