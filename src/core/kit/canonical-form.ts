import { type DescField, type DescMessage, type Message, toBinary } from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { messagesWithin } from './messages-within.ts';

/** The fields that a canonical form omits. */
type LeaveOut = (field: DescField) => boolean;
const nothing: LeaveOut = () => false;

/** Modifies `message`: pass one that no other code reads. */
export type CanonicalForm = (message: Message) => Uint8Array;

/**
 * Encodes messages of a type so that equal messages have equal bytes: maps are sorted by key, and the fields that
 * `leaveOut` names are omitted. Go and C++ encode a map in random order (protobuf.dev, "Proto Serialization Is Not
 * Canonical"). Everything that depends on the type alone is computed once, here.
 * @param unknownFields whether they are kept unchanged
 */
export function canonicalForm(
  type: DescMessage,
  { leaveOut = nothing, unknownFields = false }: { readonly leaveOut?: LeaveOut; readonly unknownFields?: boolean } = {},
): CanonicalForm {
  const options = { writeUnknownFields: unknownFields };
  const unstable = unstableTypes(type, leaveOut);
  if (!unstable.has(type)) return (message) => toBinary(type, message, options);
  return (message) => {
    const reflected = reflect(type, message);
    order(reflected, unstable, leaveOut);
    return toBinary(type, reflected.message, options);
  };
}

/**
 * The types at or below `root` whose encodings of one message can differ: they contain a map or an omitted field,
 * directly or below.
 */
export function unstableTypes(root: DescMessage, leaveOut: LeaveOut = nothing): ReadonlySet<DescMessage> {
  const all = messagesWithin(root);
  const unstable = new Set([...all].filter((type) => type.fields.some((field) => field.fieldKind === 'map' || leaveOut(field))));
  const hasUnstable = ({ message }: DescField) => message !== undefined && unstable.has(message);
  for (let before = -1; before < unstable.size; ) {
    before = unstable.size; // types may contain each other, so repeat until nothing is added
    for (const type of all) if (type.fields.some((field) => hasUnstable(field))) unstable.add(type);
  }
  return unstable;
}

/**
 * Values that were read from a message are set again, because some well-known types (google.protobuf.Struct) are read
 * as copies.
 */
function order(message: ReflectMessage, unstable: ReadonlySet<DescMessage>, leaveOut: LeaveOut): void {
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    const deep = field.message !== undefined && unstable.has(field.message);
    if (leaveOut(field)) message.clear(field);
    else if (field.fieldKind === 'map') {
      const map = message.get(field);
      const entries = [...map].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
      map.clear();
      for (const [key, value] of entries) {
        if (deep) order(value as ReflectMessage, unstable, leaveOut);
        map.set(key, value);
      }
    } else if (field.fieldKind === 'list' && deep) {
      const list = message.get(field);
      for (const [i, item] of [...list].entries()) {
        order(item as ReflectMessage, unstable, leaveOut);
        list.set(i, item);
      }
    } else if (field.fieldKind === 'message' && deep) {
      const inner = message.get(field);
      order(inner, unstable, leaveOut);
      message.set(field, inner);
    }
  }
}
