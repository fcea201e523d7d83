import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { messagesWithin } from '../kit/messages-within.ts';

/**
 * Whether bytes of `ours` mean the same as `theirs`: equal field numbers, types and cardinality, deeply. Names may
 * differ.
 * @returns the first difference as text, or undefined
 */
export function differenceOfShape(ours: DescMessage, theirs: DescMessage, seen = new Set<string>(), at = ours.name): string | undefined {
  const pair = `${ours.typeName} ${theirs.typeName}`;
  if (seen.has(pair)) return undefined;
  seen.add(pair);
  const theirFields = new Map(theirs.fields.map((field) => [field.number, field]));
  for (const field of ours.fields) {
    const their = theirFields.get(field.number);
    const where = `${at}.${field.name} (${field.number})`;
    if (their === undefined) return `${where} does not exist in ${theirs.typeName}`;
    theirFields.delete(field.number);
    const [a, b] = [wireType(field), wireType(their)];
    if (a !== b) return `${where} is ${a} here and ${b} in ${theirs.typeName}`;
    if (field.message !== undefined && their.message !== undefined) {
      const difference = differenceOfShape(field.message, their.message, seen, `${at}.${field.name}`);
      if (difference !== undefined) return difference;
    }
  }
  const [missing] = theirFields.values();
  return missing === undefined ? undefined : `${at} lacks ${missing.name} (${missing.number}) of ${theirs.typeName}`;
}

/** The wire form of a field: its kind of value and its cardinality. */
function wireType(field: DescField): string {
  const scalar = (type: ScalarType) => ScalarType[type].toLowerCase();
  switch (field.fieldKind) {
    case 'scalar':
      return scalar(field.scalar);
    case 'enum':
      return 'an enum';
    case 'message':
      return field.delimitedEncoding ? 'a group' : 'a message';
    case 'list':
      return `a list of ${field.listKind === 'scalar' ? scalar(field.scalar) : field.listKind}`;
    case 'map':
      return `a map from ${scalar(field.mapKey)} to ${field.mapKind === 'scalar' ? scalar(field.scalar) : field.mapKind}`;
  }
}

/** Whether values of `root` can contain values of `root` or of another type that contains itself. */
export function isRecursive(root: DescMessage): boolean {
  return [...messagesWithin(root)].some((type) => type.fields.some(({ message }) => message !== undefined && messagesWithin(message).has(type)));
}
