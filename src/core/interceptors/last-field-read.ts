import { type DescField, type DescMessage, type Message, ScalarType } from '@bufbuild/protobuf';
import { buildPath, pathToString } from '@bufbuild/protobuf/reflect';

type Path = ReturnType<typeof buildPath>;
type Reads = { last: Path | undefined };

/**
 * The field of a message that was read last when `read` failed: rules that cannot be run for a value do not say for
 * which. It costs a proxy for each message, list and map that is read, so it is for messages that are refused.
 * @returns its path, as violations have it; '' if none was read
 */
export function lastFieldRead(type: DescMessage, message: Message, read: (message: Message) => void): string {
  const reads: Reads = { last: undefined };
  try {
    read(ofMessage(message, type, buildPath(type), reads) as Message);
  } catch {
    // what is thrown is known to the caller
  }
  return reads.last === undefined ? '' : pathToString(reads.last.toPath());
}

function ofMessage(message: object, type: DescMessage, path: Path, reads: Reads): object {
  return new Proxy(message, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key);
      const field = type.fields.find(({ localName, oneof }) => localName === key && oneof === undefined);
      if (field !== undefined) return ofField(value, field, path, reads);
      const oneof = type.oneofs.find(({ localName }) => localName === key);
      return oneof === undefined ? value : ofOneof(value as object, oneof.fields, path, reads);
    },
  });
}

/** One of several fields: {case, value}. */
function ofOneof(chosen: object, fields: readonly DescField[], path: Path, reads: Reads): object {
  return new Proxy(chosen, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key);
      const field = fields.find(({ localName }) => localName === Reflect.get(target, 'case'));
      return key === 'value' && field !== undefined ? ofField(value, field, path, reads) : value;
    },
  });
}

function ofField(value: unknown, field: DescField, path: Path, reads: Reads): unknown {
  const own = path.clone().field(field);
  reads.last = own;
  if (field.fieldKind === 'message') return ofValue(value, field.message, own, reads);
  if (field.fieldKind === 'list')
    return new Proxy(value as object, {
      get: (target, key) => {
        const item: unknown = Reflect.get(target, key);
        if (typeof key !== 'string' || !/^\d+$/.test(key)) return item;
        return ofItem(item, field.message, own.clone().list(Number(key)), reads);
      },
    });
  if (field.fieldKind === 'map')
    return new Proxy(value as object, {
      get: (target, key) => {
        const item: unknown = Reflect.get(target, key);
        return typeof key === 'string' && Object.hasOwn(target, key)
          ? ofItem(item, field.message, own.clone().map(field.mapKey === ScalarType.STRING ? key : Number(key)), reads)
          : item;
      },
    });
  return value;
}

function ofItem(item: unknown, type: DescMessage | undefined, path: Path, reads: Reads): unknown {
  reads.last = path;
  return ofValue(item, type, path, reads);
}

/** Times and the like are read as a whole: their own fields are not those of the request. */
function ofValue(value: unknown, type: DescMessage | undefined, path: Path, reads: Reads): unknown {
  const isOwn = type !== undefined && !type.typeName.startsWith('google.protobuf.');
  return isOwn && typeof value === 'object' && value !== null ? ofMessage(value, type, path, reads) : value;
}
